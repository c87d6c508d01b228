"""Every text of a run, a scenario, a bundle or a file name, planted with what a terminal obeys, in every command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repro.base.text import escape_control, map_strings
from repro.cli.common import echo_text, print_json
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.scenario.load import load
from tests.support.fuzz.clean_output import assert_clean_output, run_strictly
from tests.support.fuzz.mutate import ESCAPES
from tests.support.runs import recorded
from tests.support.runs.copied import make_run
from tests.support.scenario_files import SCENARIO

PLANT = "".join(ESCAPES).replace("\0", "") + "[/bold][red]{0}%s"
# What readers take apart themselves; a text in its place is refused.
KEPT = {
    *("format", "id", "run", "state", "outcome", "verdict", "device", "event", "phase", "loss", "accuracy"),
    *("boot_id", "sha256", "pixels_sha256", "scenario_sha256", "files", "environment", "value"),
}


def planted(tree: Any, key: str = "") -> Any:
    """The same data with every free text planted."""
    if isinstance(tree, dict):
        return {name: value if name in KEPT else planted(value, name) for name, value in tree.items()}
    if isinstance(tree, list):
        return [planted(item, key) for item in tree]
    return tree + PLANT if isinstance(tree, str) else tree


def plant(run: RunDirectory) -> RunDirectory:
    """Plant all records of a run; what readers check (hashes) is not looked at by the commands used here."""
    for name in ("run.json", "result.json", "environment.json"):
        if run.file(name).exists():
            run.file(name).write_text(json.dumps(planted(json.loads(run.file(name).read_bytes()))))
    lines = run.file("events.jsonl").read_bytes().splitlines()
    run.file("events.jsonl").write_text("".join(json.dumps(planted(json.loads(line))) + "\n" for line in lines))
    run.file("worker.log").write_text(run.file("worker.log").read_text() + PLANT)
    return run


SAID = [
    events.Warned(message="warned"),
    events.StageStarted(stage="stage"),
    events.StopRequested(by="SIGsomebody"),
    events.WorkerFailed(kind="Kind", message="message", traceback="traceback"),
    events.RunEnded(state="failed", reason="your model raised", exit_code=4),
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run, one that failed and one that goes on, all planted."""
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.setenv("REPRO_STORE", str(folder))
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "none"))
    plant(make_run(folder, tail="aaaa").run)
    plant(recorded.traced(folder))
    said = [*recorded.beginning(), *recorded.epochs(1, 3), *recorded.measured(3)]
    plant(recorded.write(folder, recorded.make_id(7), [*said, *SAID], log="log\n"))
    return folder


RUNS = ("aaaa", "baaa", "haaa")
EACH = (
    ("show", "{}"),
    ("show", "{}", "--json"),
    ("watch", "{}", "--plain"),
    ("watch", "{}"),
    ("diagnose", "{}"),
    ("diagnose", "{}", "--json"),
    ("resume", "{}"),
    ("stop", "{}"),
    ("issue", "{}"),
    ("what-if", "{}", "--momentum", PLANT),
    ("what-if", "{}", "--momentum", "0.9", "--epoch", PLANT),
    ("export", "{}", "--preview"),
    ("environment", "diff", "{}", "haaa"),
    *(("compare", "{}", "haaa", "--all-rows", "--format", kind) for kind in ("table", "markdown", "csv", "json")),
)


@pytest.mark.parametrize("words", EACH, ids=lambda words: " ".join(words[:3]).replace(PLANT, "X")[:40])
@pytest.mark.parametrize("run", RUNS)
def test_texts_of_a_run(run: str, words: tuple[str, ...], store: Path) -> None:
    arguments = tuple(word if word == PLANT else word.format(run) for word in words)
    code, out, err = run_strictly(*arguments)
    assert_clean_output(arguments, code, out, err, progress=words[0] == "watch")
    if words[0] == "show" and "--json" in words:  # nothing is lost: who reads JSON gets the text as it was
        said = json.loads(out)
        texts = [said["reason"]] if "reason" in said else [claim["says"] for claim in said["claims"]]
        assert all(text.endswith(PLANT) for text in texts)


@pytest.mark.parametrize("words", [("runs",), ("runs", "--json"), ("list",), ("list", "--json")])
def test_texts_of_a_store(words: tuple[str, ...], store: Path) -> None:
    assert_clean_output(words, *run_strictly(*words))


NAMES = (
    *(("check", "{}"), ("check", "{}.yaml"), ("check", "./{}"), ("run", "{}"), ("run", "./{}.yaml")),
    *(("show", "{}"), ("compare", "{}", "{}"), ("compare", "./{}", "x.zip"), ("verify", "./{}.zip"), ("{}",)),
    *(("run", "original-bug", "--environment", "{}"), ("run", "original-bug", "--images", "./{}")),
    *(("run", "original-bug", "--seed", "{}"), ("sweep", "original-bug", "--seeds", "{}"), ("--store", "./{}", "runs")),
    *(("new", "{}"), ("environment", "show", "{}"), ("environment", "install", "{}"), ("delete", "{}"), ("--{}",)),
    *(("export", "{}", "-o", "./{}.zip"), ("sweep", "original-bug", "--seeds", "0", "--scheduler", "{}")),
)


@pytest.mark.parametrize("words", NAMES, ids=" ".join)
def test_names_on_the_command_line(words: tuple[str, ...], store: Path, tmp_path: Path) -> None:
    arguments = tuple(word.replace("{}", PLANT) for word in words)
    code, out, err = run_strictly(*arguments)
    assert_clean_output(arguments, code, out, err)
    assert code in (2, 3) or words[-1] == "runs"


def test_names_of_files(store: Path, tmp_path: Path) -> None:
    from PIL import Image

    place = tmp_path / "a\x1b[2Jb"
    (place / "images").mkdir(parents=True)
    (place / "s.yaml").write_text(SCENARIO)
    for index in range(3):
        Image.new("L", (8, 8), 80 * index).save(place / "images" / f"{index}\x1b]0;x\x07\r\u202e.png")
    for arguments in (("check", str(place / "s.yaml")), ("check", str(place / "s.yaml"), "--json")):
        code, out, err = run_strictly(*arguments)
        assert_clean_output(arguments, code, out, err)
        assert code == 0, err
    (place / "images" / "0\x1b]0;x\x07\r\u202e.png").write_bytes(b"none")
    arguments = ("check", str(place / "s.yaml"))
    code, out, err = run_strictly(*arguments)
    assert_clean_output(arguments, code, out, err)
    assert code == 2


def test_the_progress_bar(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich takes [brackets] for markup, and one that closes nothing for an error."""
    from repro.cli import progress

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            return 2

    monkeypatch.setattr("repro.cli.progress.guarded", lambda _: contextlib.nullcontext())
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    (found,) = store.glob("*haaa")
    run = RunDirectory(found)
    scenario = load(run.file("scenario.yaml"), environments=["keras-2.0.9", "keras-3"]).scenario
    with progress.show_progress(run, scenario, "keras[/bold][red]" + PLANT, 0, plain=False) as display:
        for event in run.reader().read():
            display(event)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()).replace("\r", "").replace("\n", "")
    assert "[/bold][red]" in shown
    assert shown.isprintable(), shown


def test_a_line_of_a_file_is_one_line_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert map_strings({"a\n": ["b\r", 1, None, ("c\x9b",)]}, escape_control) == {"a\N{REPLACEMENT CHARACTER}": [
        "b\N{REPLACEMENT CHARACTER}", 1, None, ["c\N{REPLACEMENT CHARACTER}"]]}  # fmt: skip
    echo_text("two\nlines\x1b[2J\x9b2J\u202e")
    assert capsys.readouterr().out == "two\nlines" + "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}2J" + (
        "\N{REPLACEMENT CHARACTER}\n"
    )


@pytest.mark.parametrize("text", [*ESCAPES, "\U000e0001", "plain", "ä\u0301"])
def test_json_says_the_same_without_the_characters(text: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    print_json({"text": text})
    out = capfdbinary.readouterr().out.decode()
    assert out.rstrip("\n").isprintable()
    assert json.loads(out) == {"text": text}


# -- the whole program in a terminal of its own


def test_a_terminal_gets_colours_and_nothing_else(store: Path) -> None:
    """`repro show` on a pseudo terminal, where click leaves colours in."""
    import pty

    main, side = pty.openpty()
    for run in RUNS:
        subprocess.run(
            [sys.executable, "-m", "repro", "show", run],
            stdin=subprocess.DEVNULL,
            stdout=side,
            stderr=side,
            env={**os.environ, "TERM": "xterm-256color"},
            check=False,
            timeout=60,
        )
    os.close(side)
    out = b"".join(_read(main)).decode("utf-8")
    lines = re.sub(r"\x1b\[(0|1|22|3[0-7])m", "", out).replace("\r\n", "\n").split("\n")
    assert any("\N{REPLACEMENT CHARACTER}]0;owned" in line for line in lines)
    assert all(line.isprintable() for line in lines), lines


def _read(descriptor: int) -> Iterator[bytes]:
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        while True:
            try:
                data = stream.read(1 << 16)
            except OSError:  # the other end is closed
                return
            if not data:
                return
            yield data
