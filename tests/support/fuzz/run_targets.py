"""Events, records and arguments that name a run, changed, in every command that reads runs."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec.inspect as mi

from repro.runs import events, records
from repro.runs.directory import RunDirectory
from tests.support.fuzz.base import FuzzTarget
from tests.support.fuzz.clean_output import run_and_check
from tests.support.fuzz.mutate import STRINGS, change_bytes, change_lines, change_tree, dump, invent, pick
from tests.support.fuzz.scenario_targets import ScenarioTarget
from tests.support.recordings import closed_recording
from tests.support.runs import recorded
from tests.support.runs.copied import IMAGES, make_run

RECORDED = Path(IMAGES).parent / "recorded"
EVENT_TYPES = [mi.type_info(kind) for kind in get_args(events.AnyEvent)]
MEASUREMENTS = mi.type_info(records.Measurements)
RECORD_TYPES = {"run.json": mi.type_info(records.RunRecord), "result.json": mi.type_info(records.Result)}


class _StoreTarget(FuzzTarget):
    """A store with a finished run (keras-2.0.9, real), a traced one (keras-3), one that broke off, and a recording."""

    COMMANDS: tuple[tuple[str, ...], ...] = (
        ("show", "{a}"),
        ("show", "{a}", "--json"),
        ("runs",),
        ("runs", "--json"),
        ("list",),
        ("watch", "{a}", "--plain"),
        ("diagnose", "{a}", "--no-trial"),
        ("diagnose", "{a}"),
        ("compare", "{a}", "{b}"),
        ("compare", "{b}", "{a}", "--all-rows"),
        ("compare", "{a}", "{b}", "--format", "markdown"),
        ("compare", "{a}", "{b}", "--format", "csv"),
        ("compare", "{a}", "{b}", "--json"),
        ("environment", "diff", "{a}", "{b}"),
        ("what-if", "{a}", "--momentum", "0.9"),
        ("resume", "{a}"),
        ("stop", "{a}"),
        ("issue", "{a}"),
        ("export", "{a}", "--preview"),
    )
    # Of a thousand cases, those that use the slow commands at the end of the list.
    SLOW, SLOW_SHARE = 2, 20

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.store = folder / "store"
        shutil.rmtree(self.store, ignore_errors=True)
        self.store.mkdir()
        self.runs = {
            "finished": make_run(self.store, tail="aaaa").run,
            "traced": recorded.traced(self.store),
            "broken": self._broken(),
            "recording": closed_recording("few-updates", self.store),
        }
        self.other = make_run(self.store, tail="bbbb").run
        self.kept = {
            name: {
                file.relative_to(run.path).as_posix(): file.read_bytes()
                for file in run.path.rglob("*")
                if file.is_file() and file.stat().st_size < 1 << 20
            }
            for name, run in self.runs.items()
        }

    def _broken(self) -> RunDirectory:
        said = [*recorded.beginning(), *recorded.epochs(1, 3), *recorded.measured(3)]
        run = recorded.write(self.store, recorded.make_id(7), said, log="one\ntwo\n")
        run.file("environment.json").write_bytes(self.other_environment())
        return run

    def other_environment(self) -> bytes:
        return (RECORDED / "environment.json").read_bytes()

    def read(self, draw: random.Random, run: RunDirectory) -> None:
        """One command about the run."""
        slow = draw.randint(0, 999) < self.SLOW_SHARE
        chosen = pick(draw, self.COMMANDS[-self.SLOW :] if slow else self.COMMANDS[: -self.SLOW])
        arguments = tuple(word.format(a=run.id, b=self.other.id) for word in chosen)
        run_and_check(*arguments, progress=arguments[0] == "watch")

    @contextlib.contextmanager
    def changed(self, draw: random.Random) -> Iterator[tuple[RunDirectory, dict[str, bytes]]]:
        """A run whose files are put back at the end."""
        name = pick(draw, sorted(self.runs))
        run, files = self.runs[name], self.kept[name]
        try:
            yield run, files
        finally:
            for path in list(run.path.rglob("*")):
                relative = path.relative_to(run.path).as_posix()
                if path.is_file() and relative not in files and path.stat().st_size < 1 << 20:
                    path.unlink()
            for relative, data in files.items():
                place = run.file(relative)
                if not place.is_file() or place.read_bytes() != data:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(data)


class EventsTarget(_StoreTarget):
    """events.jsonl, in every command that folds events."""

    def case(self, draw: random.Random) -> None:
        with self.changed(draw) as (run, files):
            lines = files["events.jsonl"].splitlines()
            if draw.randint(0, 2):
                run.file("result.json").unlink(missing_ok=True)  # then events alone decide what is shown
            run.file("events.jsonl").write_bytes(self.change(draw, lines))
            self.read(draw, run)

    @staticmethod
    def change(draw: random.Random, lines: list[bytes]) -> bytes:
        """Events changed one by one, as lines, or as bytes."""
        lines = change_lines(draw, lines)
        for _ in range(draw.randint(0, 2)):
            event = invent(draw, pick(draw, EVENT_TYPES))
            lines.insert(draw.randint(0, len(lines)), dump(draw, event).replace(b"\n", b" "))
        for _ in range(draw.randint(0, 2)):
            if lines:
                at = draw.randint(0, len(lines) - 1)
                with contextlib.suppress(ValueError, RecursionError):
                    lines[at] = dump(draw, change_tree(draw, json.loads(lines[at]))).replace(b"\n", b" ")
        data = b"\n".join(lines) + b"\n"
        return change_bytes(draw, data) if not draw.randint(0, 5) else data


class RecordsTarget(_StoreTarget):
    """run.json, result.json, environment.json, scenario.yaml and small arrays of a run."""

    NAMES = ("run.json", "result.json", "environment.json", "scenario.yaml", "arrays/trace.json", "arrays/images.npy")

    def case(self, draw: random.Random) -> None:
        with self.changed(draw) as (run, files):
            for _ in range(draw.randint(1, 2)):
                name = pick(draw, self.NAMES)
                if name in files:
                    run.file(name).write_bytes(self.change(draw, name, files[name]))
            self.read(draw, run)

    @staticmethod
    def change(draw: random.Random, name: str, data: bytes) -> bytes:
        """As a tree, seldom as bytes."""
        if name in RECORD_TYPES and not draw.randint(0, 3):
            known = json.loads((RECORDED / name).read_bytes())
            new = invent(draw, RECORD_TYPES[name])
            kept = [key for key in known if draw.randint(0, 5)]
            return dump(draw, {**new, **{key: known[key] for key in kept}})
        if name == "result.json" and not draw.randint(0, 2):
            with contextlib.suppress(ValueError, RecursionError, TypeError, KeyError):
                found = json.loads(data)
                found["measurements"] |= invent(draw, MEASUREMENTS)
                return dump(draw, found)
        if name.endswith(".json") and draw.randint(0, 7):
            with contextlib.suppress(ValueError, RecursionError):  # changed already
                return dump(draw, change_tree(draw, json.loads(data)))
        if name.endswith(".yaml"):
            return ScenarioTarget._tokens(draw, data)
        return change_bytes(draw, data)


class WhatIfTarget(_StoreTarget):
    """Arguments of what-if, and of all that names a run, a seed or a number."""

    WORDS = (
        "0.9", "0", "1", "0.5,0.9", "-0", "1e-320", "nan", "inf", "-inf", "1e999", "0x1p-1", "1_0", "١", "0,9", ",", "",
        " 0.5 ", "2", "-1", "0.9.9", "5", "1:3", "3:1", ":", "0:10001", "99999999999999999999", "last", "--", "-o",
    )  # fmt: skip

    def case(self, draw: random.Random) -> None:
        run = self.runs[pick(draw, sorted(self.runs))]
        names = (run.id, run.id[:20], run.id[-4:], "last", run.id + "x", "2", "")

        def word() -> str:
            text = pick(draw, self.WORDS) if draw.randint(0, 2) else pick(draw, STRINGS)
            if not draw.randint(0, 3) and text:
                at = draw.randint(0, len(text))
                text = text[:at] + pick(draw, ("\x1b[2J", "9", "-", ",", "\0", "\ud800", ".")) + text[at:]
            return text

        name = pick(draw, names) if draw.randint(0, 2) else word()
        arguments = ["what-if", name]
        for _ in range(draw.randint(0, 2)):
            arguments += ["--momentum", word()]
        for _ in range(draw.randint(0, 2)):
            arguments += ["--epoch", word()]
        arguments += [flag for flag in ("--debiased", "--re-estimated", "--json") if not draw.randint(0, 2)]
        if not draw.randint(0, 9):
            others = ("show", "watch", "resume", "diagnose", "sweep", "compare", "list", word())
            arguments = [pick(draw, others), word()]
        if not draw.randint(0, 9):
            arguments.insert(draw.randint(0, len(arguments)), word())
        if arguments[0] in ("delete",):
            return
        run_and_check(*arguments)
