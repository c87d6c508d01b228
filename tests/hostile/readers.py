"""What is read from files and arguments, each as a case: change something valid, read it as a user would, judge.

A case passes when there is an answer or one line on standard error, whatever was read. It fails on an exception that
nobody foresaw, on a character that a terminal would obey, on a wrong exit code, and when it takes too long.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec.inspect as mi
from PIL import Image

import repro.cli
from repro.bundle import export
from repro.bundle.archive import zipped
from repro.runs import events, records
from repro.runs.directory import RunDirectory
from repro.runs.view import RunView
from repro.scenario.load import shipped_files
from tests.evidence.runs import IMAGES, make_run
from tests.hostile.mutate import (
    ESCAPES,
    STRINGS,
    change_bytes,
    change_lines,
    change_tree,
    dump,
    invent,
    pick,
)
from tests.tui import recorded

HANG_SECONDS = 20.0  # of this process's own time, which a busy machine does not change
RECORDED = Path(IMAGES).parent / "recorded"
EVENT_TYPES = [mi.type_info(kind) for kind in get_args(events.AnyEvent)]
MEASUREMENTS = mi.type_info(records.Measurements)
RECORD_TYPES = {"run.json": mi.type_info(records.RunRecord), "result.json": mi.type_info(records.Result)}
# Colours that the command line itself writes; all else that is not printable is a fault.
OWN_STYLES = re.compile("\x1b\\[(0|1|22|3[0-7]|9[0-7])m")
CODES = {0, 1, 2, 3, 4}


class DefectError(AssertionError):
    """A reader did what none may."""


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """DefectError where the block takes longer; main thread only."""

    def ring(*_: Any) -> None:
        raise DefectError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def command(*arguments: str) -> tuple[int, str, str]:
    """`repro ARGUMENTS` in this process as on a terminal with colours: exit code, standard output and error.

    An exception that nobody foresaw comes out as it is, not as the line that a user would get.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", newline="") for _ in range(2))
    defect, repro.cli._defect = repro.cli._defect, _reraise
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _alarm(HANG_SECONDS):
            code = repro.cli.guarded(
                lambda: repro.cli.cli.main(list(arguments), prog_name="repro", standalone_mode=False, color=True)
            )
    finally:
        repro.cli._defect = defect
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8"))  # type: ignore[attr-defined]
    return int(code), texts[0], texts[1]


def _reraise(error: Exception) -> int:
    raise error


def judge(arguments: tuple[str, ...], code: int, out: str, err: str, *, progress: bool = False) -> None:
    """DefectError where a command's answer is not one that a user may get."""
    if code not in CODES:
        raise DefectError(f"{arguments}: exit code {code}")
    for text in (out, err):
        for line in OWN_STYLES.sub("", text).split("\n"):
            if not line.isprintable():
                raise DefectError(f"{arguments}: a character that a terminal obeys in {line[:400]!r}")
    lines = err.splitlines()
    if "Traceback" in err or (lines and code in (2, 3) and not progress and not lines[-1].startswith("repro: ")):
        raise DefectError(f"{arguments}: {err[:400]!r}")
    if code == 2 and not lines:
        raise DefectError(f"{arguments}: exit code 2 without a word")
    if "--json" in arguments and code in (0, 1) and out:
        json.loads(out.splitlines()[0])


def tried(*arguments: str, progress: bool = False) -> None:
    """One command, judged."""
    judge(arguments, *command(*arguments), progress=progress)


class Reader:
    """One kind of input; `case` makes one from what `draw` draws and reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["REPRO_ENVIRONMENTS"] = str(folder / "no-environments")
        os.environ["REPRO_STORE"] = str(folder / "store")

    def case(self, draw: random.Random) -> None:
        raise NotImplementedError


class ScenarioReader(Reader):
    """Scenario files: bytes, lines, tokens of the shipped ones."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = folder / "s.yaml"
        shutil.copytree(IMAGES, folder / "images", dirs_exist_ok=True)
        self.texts = [file.read_bytes() for file in shipped_files()]

    def case(self, draw: random.Random) -> None:
        text = pick(draw, self.texts)
        match draw.randint(0, 4):
            case 0:
                text = change_bytes(draw, text)
            case 1:
                text = b"\n".join(change_lines(draw, text.split(b"\n")))
            case 2:
                text = self._tokens(draw, text)
            case 3:
                text = self._structure(draw, text)
            case _:
                text = change_bytes(draw, self._tokens(draw, text))
        self.file.write_bytes(text)
        tried("check", str(self.file), *(["--json"] if draw.randint(0, 1) else []))

    @staticmethod
    def _tokens(draw: random.Random, text: bytes) -> bytes:
        """Values exchanged for others that YAML takes as they are, or quoted."""
        parts = re.split(rb"([\w.+-]+)", text)
        for _ in range(draw.randint(1, 3)):
            at = draw.randint(0, (len(parts) - 2) // 2) * 2 + 1 if len(parts) > 1 else 0
            new = pick(draw, STRINGS)
            parts[at] = pick(
                draw,
                (
                    b"-1", b"1e400", b".nan", b"null", b"true", b"0x10", b"1_000", b"9" * 5000, b"[]", b"{}", b"*a",
                    json.dumps(new).encode(), new.encode("utf-8", "surrogatepass"), b"2001-01-01", b"1:30", b"=", b"<<",
                ),
            )  # fmt: skip
        return b"".join(parts)

    @staticmethod
    def _structure(draw: random.Random, text: bytes) -> bytes:
        """The scenario as a changed tree: JSON is YAML, too."""
        import yaml

        return dump(draw, change_tree(draw, yaml.safe_load(text)))


class _StoreReader(Reader):
    """A store with a finished run (keras-2.0.9, real), a traced one (keras-3) and one that broke off."""

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
        tried(*arguments, progress=arguments[0] == "watch")

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


class EventsReader(_StoreReader):
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


class RecordsReader(_StoreReader):
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
            return ScenarioReader._tokens(draw, data)
        return change_bytes(draw, data)


class BundleReader(Reader):
    """Bundles: the zip's bytes, its manifest, and its records with every hash made right again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        shutil.rmtree(folder / "store", ignore_errors=True)
        (folder / "store").mkdir()
        run = make_run(folder / "store", tail="aaaa")
        self.other = run.id
        self.files = export.collect([RunView(run.run)]).files
        self.zip = zipped(self.files)
        self.file = folder / "b.zip"

    def case(self, draw: random.Random) -> None:
        kind = draw.randint(0, 9)
        data = change_bytes(draw, self.zip) if kind < 2 else self._built(draw, with_hashes=kind > 3)
        self.file.write_bytes(data)
        match draw.randint(0, 5):
            case 0:
                tried("compare", str(self.file), self.other)
            case 1:
                tried("environment", "diff", str(self.file), self.other)
            case 2:
                tried("verify", str(self.file))
            case _:
                tried("verify", str(self.file), "--no-run", *(["--json"] if draw.randint(0, 1) else []))

    def _built(self, draw: random.Random, *, with_hashes: bool) -> bytes:
        files = dict(self.files)
        records = [name for name in files if name.endswith((".json", ".jsonl", ".yaml", ".npy"))]
        for _ in range(draw.randint(1, 2)):
            name = pick(draw, records)
            if name.endswith(".jsonl"):
                files[name] = EventsReader.change(draw, files[name].splitlines())
            else:
                files[name] = RecordsReader.change(draw, name, files[name])
        if with_hashes:
            files = self._with_right_hashes(files)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in files.items():
                if not draw.randint(0, 30):
                    odd = (f"../{name}", f"/{name}", name.upper(), name + "/", pick(draw, ESCAPES), "a" * 300)
                    name = pick(draw, odd)
                info = zipfile.ZipInfo(name or "x", (1980, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED if draw.randint(0, 9) else zipfile.ZIP_STORED
                info.external_attr = (0o120777 if not draw.randint(0, 60) else 0o100644) << 16
                with contextlib.suppress(UnicodeEncodeError):
                    archive.writestr(info, data, compresslevel=1)
        data = stream.getvalue()
        return change_bytes(draw, data) if not draw.randint(0, 7) else data

    @staticmethod
    def _with_right_hashes(files: dict[str, bytes]) -> dict[str, bytes]:
        import hashlib

        try:
            manifest = json.loads(files["bundle.json"])
            for entry in manifest["files"]:
                data = files.get(entry["path"])
                if data is not None:
                    entry.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return files
        return {**files, "bundle.json": json.dumps(manifest).encode("utf-8", "surrogatepass")}


class WhatIfReader(_StoreReader):
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
        tried(*arguments)


class ImagesReader(Reader):
    """Folders of images: bytes of PNG, JPEG, GIF, BMP, TIFF and WebP, names, and what is no image at all."""

    SCENARIO = """\
format: 1
name: small
title: A small scenario
group: control
about: For tests.
images: {directory: images, size: [32, 32], channels: %d%s}
model: {application: ResNet50, classes: %d}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 3}
measure: [evaluate]
claims: []
"""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.good: list[tuple[str, bytes]] = []
        kinds = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "BMP": "bmp", "TIFF": "tif", "WEBP": "webp"}
        for mode in ("L", "RGB", "RGBA", "P", "1", "I;16", "LA", "CMYK"):
            for kind, suffix in kinds.items():
                stream = io.BytesIO()
                with contextlib.suppress(OSError, ValueError, KeyError):
                    Image.linear_gradient("L").resize((24, 20)).convert("L" if mode == "I;16" else mode).convert(
                        mode
                    ).save(stream, kind)
                    self.good.append((suffix, stream.getvalue()))
        self.file = folder / "s.yaml"
        self.place = folder / "images"

    def case(self, draw: random.Random) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        count = draw.randint(2, 3)
        folders = not draw.randint(0, 3)
        layout = ", layout: folder-per-class" if folders else ""
        if folders and draw.randint(0, 1):
            layout += ", validation: {split: 0.5}"
        self.file.write_text(self.SCENARIO % (pick(draw, (1, 1, 3)), layout, count))
        for label in range(count):
            for index in range(2 if folders else 1):
                suffix, data = pick(draw, self.good)
                if draw.randint(0, 2):
                    data = change_bytes(draw, data)
                elif not draw.randint(0, 5):
                    data = _huge(draw)
                    suffix = "png"
                name = f"{label}{index}.{suffix}"
                if not draw.randint(0, 15):
                    name = re.sub("[/\0]", "", pick(draw, ESCAPES)) + f"{label}{index}.{suffix}"
                place = self.place / str(label) / name if folders else self.place / name
                place.parent.mkdir(exist_ok=True)
                with contextlib.suppress(UnicodeEncodeError):
                    place.write_bytes(data)
        options = [*(["--convert", "L"] if draw.randint(0, 1) else []), *(["--json"] if draw.randint(0, 1) else [])]
        tried("check", str(self.file), *options)


def _huge(draw: random.Random) -> bytes:
    """A PNG of a few bytes that says that it is very large."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = pick(draw, ((2**31 - 1, 2**31 - 1), (7000, 7000), (49_999_999, 1), (1, 60_000_000), (0, 5)))
    head = struct.pack(">IIBBBBB", width, height, 8, pick(draw, (0, 2, 6)), 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


READERS: dict[str, Callable[[Path], Reader]] = {
    "scenario": ScenarioReader,
    "events": EventsReader,
    "records": RecordsReader,
    "bundle": BundleReader,
    "what-if": WhatIfReader,
    "images": ImagesReader,
}
