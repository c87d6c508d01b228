"""Sweeps on this machine, from the command line to the table."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal

import pytest

from repro.runs.directory import RunDirectory
from tests.support.processes import until
from tests.support.sweeps import StandIn


def hows(found: dict[str, list[dict[str, list[dict[str, str]]]]]) -> list[str]:
    return [run["how"] for run in found["groups"][0]["runs"]]


def test_rates_and_what_is_there_is_not_made_again(stand_in: StandIn) -> None:
    first = stand_in.sweep("0:4", "--workers", "2")
    assert first.code == 1, first.err
    (group,) = first.json["groups"]
    assert group["verdicts"] == {"REPRODUCED": 3, "NOT_REPRODUCED": 1, "INCONCLUSIVE": 0}
    (claim,) = group["claims"]
    assert (claim["id"], claim["held"], claim["failed"], claim["rate"]) == ("C1", 3, 1, 0.75)
    made = stand_in.runs()
    assert len(made) == 4
    second = stand_in("sweep", stand_in.file, "--seeds", "0,1,3,4", "--workers", "2")
    assert second.code == 0, second.err
    assert len(stand_in.runs()) == 5 and set(made) < set(stand_in.runs())
    lines = [line.split() for line in second.out.splitlines()]
    assert lines[0][:5] == ["small", "keras-3", "REPRODUCED", "4", "of"]
    assert lines[1][:5] == ["small", "keras-3", "C1", "held", "4/4,"] and lines[1][-4:] == [
        "1.000",
        "0.510",
        "to",
        "1.000",
    ]
    assert second.err.count("(was there)") == 3 and second.err.count("(trained") == 1


def test_the_same_command_goes_on_after_a_signal(stand_in: StandIn) -> None:
    stand_in.hold.touch()
    process = stand_in.start("sweep", stand_in.file, "--seeds", "0:3", "--json", "--workers", "1")
    until(lambda: stand_in.store.exists() and list(stand_in.store.glob("*/weights/c1.npz")))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 4, err
    assert '"not begun"' in out and "interrupted (by SIGTERM; kept after epoch 1)" in out
    (left,) = stand_in.runs()
    stand_in.hold.unlink()
    done = stand_in.sweep("0:3", "--workers", "1")
    assert done.code == 1, done.err
    assert hows(done.json) == ["resumed", "trained", "trained"]
    assert left in stand_in.runs() and len(stand_in.runs()) == 3


def test_runs_in_the_foreground_go_on_without_their_terminal(stand_in: StandIn) -> None:
    main, side = pty.openpty()
    stand_in.hold.touch()
    process = stand_in.start("run", stand_in.file, "--seed", "0:2", "--json", stderr=side)
    os.close(side)
    until(lambda: stand_in.store.exists() and list(stand_in.store.glob("*/weights/c1.npz")))
    while b"\x1b[?25l" not in os.read(main, 4096):
        pass
    os.close(main)
    stand_in.hold.unlink()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["REPRODUCED"] * 2


@pytest.mark.parametrize("end", ["the terminal goes", "a kill"])
def test_the_table_on_a_terminal(stand_in: StandIn, end: str) -> None:
    """A terminal that has gone ends no sweep, as it ends no run; after a kill the terminal has its cursor."""
    main, side = pty.openpty()
    stand_in.hold.touch()
    process = stand_in.start("sweep", stand_in.file, "--seeds", "0:2", "--json", "--workers", "1", stderr=side)
    os.close(side)
    until(lambda: stand_in.store.exists() and list(stand_in.store.glob("*/weights/c1.npz")))
    said = b""
    while b"\x1b[?25l" not in said:
        said += os.read(main, 4096)
    if end == "a kill":
        process.kill()
        with contextlib.suppress(OSError):  # that is how a pseudo-terminal tells of its end
            while more := os.read(main, 4096):
                said += more
        assert said.rfind(b"\x1b[?25h") > said.rfind(b"\x1b[?25l")
    os.close(main)
    stand_in.hold.unlink()
    out, _ = process.communicate(timeout=60)
    if end == "the terminal goes":
        assert process.returncode == 0 and hows(json.loads(out)) == ["trained", "trained"]


def test_a_run_that_somebody_else_makes_is_waited_for(stand_in: StandIn) -> None:
    stand_in.hold.touch()
    other = stand_in.start("run", stand_in.file, "--threads", "1")
    until(lambda: stand_in.store.exists() and list(stand_in.store.glob("*/weights/c1.npz")))
    sweep = stand_in.start("sweep", stand_in.file, "--seeds", "0:2", "--threads", "1", "--workers", "2", "--json")
    until(lambda: len(list(stand_in.store.glob("*/weights/c1.npz"))) == 2)
    stand_in.hold.unlink()
    assert other.communicate(timeout=60) and other.returncode == 0
    out, err = sweep.communicate(timeout=60)
    assert sweep.returncode == 0, err
    assert len(stand_in.runs()) == 2 and '"kept"' in out


def test_the_end_of_a_sweep_is_the_end_of_its_runs(stand_in: StandIn) -> None:
    stand_in.hold.touch()
    process = stand_in.start("sweep", stand_in.file, "--seeds", "0:2", "--workers", "1")
    until(lambda: stand_in.store.exists() and list(stand_in.store.glob("*/weights/c1.npz")))
    process.kill()
    process.communicate()
    (name,) = stand_in.runs()
    until(lambda: RunDirectory(stand_in.store / name).state() == "interrupted")


def test_a_model_of_ones_own_is_swept_with_trust(stand_in: StandIn) -> None:
    text = stand_in.file.read_text()
    stand_in.file.write_text(text.replace("application: ResNet50", "python: m.py"))
    (stand_in.file.parent / "m.py").write_text("def build(input_shape, classes): ...\n")
    stand_in.sweep("0:2").refused(2, "would run Python code of its own (m.py): give --trust")
    done = stand_in.sweep("0:2", "--trust")
    assert done.code == 0, done.err
    assert hows(done.json) == ["trained", "trained"]


def test_input_is_refused_before_anything_starts(stand_in: StandIn) -> None:
    for arguments, word in (
        (["sweep", stand_in.file], "--seeds"),
        (["sweep", stand_in.file, "--seeds", "3:1"], "out of range"),
        (["sweep", "nothing", "--seeds", "0:2"], "no scenario is called"),
        (["sweep", stand_in.file, "--seeds", "0:2", "--environment", "keras-9"], "no environment is called"),
    ):
        stand_in(*arguments).refused(2, word)
    stand_in.python.unlink()
    stand_in("sweep", stand_in.file, "--seeds", "0:2").refused(3, "not installed")
    assert not stand_in.store.exists()
