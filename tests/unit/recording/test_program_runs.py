"""Runs of script scenarios: a program in the place of training, whose recording a real recorder once made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from repro.supervise.program_process import ProgramProcess
from tests.support.command_line import Answer, Repro, run_here
from tests.support.script_scenarios import SCENARIO, install_python, write_scenario

PRINTS = "print('accuracy 0.25')\nprint('accuracy 0.5')\n"


@pytest.fixture
def repro(
    tmp_path: Path, own_environments: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Repro:
    """Return the command line, where keras-3 and tf-keras are installed with the interpreter of the tests."""
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "runs"))
    install_python(own_environments)
    return partial(run_here, capfd)


def run_of(answer: Answer) -> RunDirectory:
    return Store(Path(os.environ["REPRO_STORE"])).find(answer.json["run"])


def test_nothing_runs_without_trust(repro: Repro, tmp_path: Path) -> None:
    file = write_scenario(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    answer = repro("run", file)
    assert answer.code == 2 and "train.py" in answer.err and "give --trust" in answer.err
    answer = repro("sweep", file, "--seeds", "0:2")
    assert answer.code == 2 and "give --trust" in answer.err
    assert repro("check", file).code == 0
    assert not (tmp_path / "ran").exists()


def test_a_run_is_decided_and_read_by_the_commands(repro: Repro, tmp_path: Path) -> None:
    file = write_scenario(tmp_path, PRINTS)
    answer = repro("run", file, "--trust", "--json")
    assert answer.code == 0, answer.err
    found = answer.json
    assert found["verdict"] == "REPRODUCED" and found["environment"] == "keras-3" and found["seed"] == 0
    measured = found["measurements"]
    assert measured["printed"] == {"accuracy": 0.5}
    assert measured["inference"]["accuracy"] < 0.6 and measured["evaluate_training_phase"]["accuracy"] == 1
    assert measured["evaluate"]["loss"] == measured["inference"]["loss"]
    run = run_of(answer)
    assert run.file("program/train.py").read_text().endswith(PRINTS)
    assert run.file(layout.WORKER_LOG).read_text() == "accuracy 0.25\naccuracy 0.5\n"
    assert sorted(path.name for path in run.file("arrays").iterdir())[:2] == [
        "call-1-rows.npy",
        "fit-1-call-1-inference.npy",
    ]
    assert not run.file(layout.WORKER_HOME).exists()
    record = run.record()
    assert record.is_recording and record.script.arguments == ["few-updates"]
    facts = json.loads(run.file("environment.json").read_bytes())["facts"]
    assert facts["environment"] == "keras-3" and facts["lock_sha256"] == record.lock_sha256
    assert facts["versions"]["keras"].startswith("3.")

    assert repro("show", "last").out.startswith("small  keras-3  seed 0   REPRODUCED")
    assert repro("diagnose", "last", "--json").json["diagnosis"] == "not-converged"
    answers = repro("what-if", "last", "--momentum", "0.9", "--json").json["answers"]
    assert answers[0]["exact"] is False and answers[0]["evaluate"]["accuracy"] > 0.9
    refused = repro("what-if", "last", "--momentum", "0.7")
    assert refused.code == 2 and "choose from 0, 0.1, 0.5, 0.9, 0.99" in refused.err
    rows = repro("runs", "--json").json["runs"]
    assert [(row["scenario"], row["verdict"]) for row in rows] == [("small", "REPRODUCED")]
    again = repro("run", file, "--trust", "--json")
    assert again.json["run"] == found["run"] and "answers this already" in again.err


def test_another_file_or_seed_is_another_run(repro: Repro, tmp_path: Path) -> None:
    file = write_scenario(tmp_path, PRINTS)
    first = repro("run", file, "--trust", "--json").json["run"]
    assert repro("run", file, "--trust", "--json", "--seed", "1").json["run"] != first
    write_scenario(tmp_path, PRINTS + "# changed\n")
    assert repro("run", file, "--trust", "--json").json["run"] != first


def test_the_seed_reaches_the_program(repro: Repro, tmp_path: Path) -> None:
    text = SCENARIO.replace("[few-updates]", "[few-updates, '--seed={seed}']")
    program = "import os; print('accuracy', sys.argv[2], os.environ['REPRO_SEED'], os.getcwd(), os.environ['HOME'])\n"
    file = write_scenario(tmp_path, scenario=text)
    (tmp_path / "train.py").write_text((tmp_path / "train.py").read_text().replace("argv[1:]", "argv[1:2]") + program)
    answer = repro("run", file, "--trust", "--json", "--seed", "5")
    words = run_of(answer).file(layout.WORKER_LOG).read_text().split()
    assert words[:3] == ["accuracy", "--seed=5", "5"]
    assert words[3].endswith("worker-home/program") and words[4].endswith("worker-home/home")
    assert answer.code == 1 and answer.json["verdict"] == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("program", "code", "words"),
    [
        ("sys.exit(3)\n", 4, "the program ended with exit code 3"),
        ("print('trouble'); sys.exit(1)\n", 4, "exit code 1 (trouble)"),
        (
            "import pandas_of_mars\n",
            3,
            "keras-3 has no pandas_of_mars: repro environment new keras-3-pandas-of-mars keras==",
        ),
        ("os.kill(os.getpid(), 15)\n", 4, "the program was killed by SIGTERM"),
        ("import time\nwhile True: time.sleep(1)\n", 4, "the program took longer than 2 s (script.seconds)"),
        ("while True: print('x' * 1000)\n", 4, "the program printed more than 0 MiB"),
    ],
)
def test_a_program_that_goes_wrong_is_one_line(
    program: str, code: int, words: str, repro: Repro, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProgramProcess, "MAX_OUTPUT_BYTES", 100_000)
    file = write_scenario(tmp_path, program, SCENARIO.replace("seconds: 60", "seconds: 2"))
    answer = repro("run", file, "--trust", "--json")
    assert answer.code == code, answer.err
    assert answer.json["state"] == "failed" and words in answer.json["reason"]
    assert words in answer.err and "Traceback" not in answer.err
    run = run_of(answer)
    assert run.file(layout.WORKER_LOG).stat().st_size <= 100_000
    assert not run.file(layout.WORKER_HOME).exists()


def test_a_program_that_trains_nothing(repro: Repro, tmp_path: Path) -> None:
    answer = repro(
        "run", write_scenario(tmp_path, scenario=SCENARIO.replace("[few-updates]", "[]")), "--trust", "--json"
    )
    assert answer.code == 4
    assert "the program ended, but nothing was recorded, since no Keras was imported" in answer.json["reason"]


def test_printed_values_that_are_not_there_are_unknown(repro: Repro, tmp_path: Path) -> None:
    answer = repro("run", write_scenario(tmp_path, "print('accuracy .')\n"), "--trust", "--json", "--plain")
    assert answer.code == 1 and answer.json["verdict"] == "INCONCLUSIVE"
    assert [claim["outcome"] for claim in answer.json["claims"]] == ["unknown", "held"]
    assert "warning: printed.accuracy: the match '.' is not a number" in answer.err


@pytest.mark.parametrize(
    ("training", "right"), [("", "regression"), ("training: 1\n", "few-updates"), ("training: 2\n", "regression")]
)
def test_the_last_training_counts_or_the_chosen_one(training: str, right: str, repro: Repro, tmp_path: Path) -> None:
    text = SCENARIO.replace("[few-updates]", "[few-updates, regression]") + training
    answer = repro("run", write_scenario(tmp_path, PRINTS, text), "--trust", "--json")
    measured = answer.json["measurements"]
    assert (measured["inference"]["accuracy"] is None) == (right == "regression")
    assert (measured["fit"]["accuracy"] == []) == (right == "regression")
    folded = run_of(answer).progress()
    assert folded.recorded is not None and folded.recorded.latest is not None
    assert answer.code == (0 if right == "few-updates" else 1)


def test_a_training_that_there_is_not(repro: Repro, tmp_path: Path) -> None:
    answer = repro("run", write_scenario(tmp_path, PRINTS, SCENARIO + "training: 3\n"), "--trust", "--json")
    assert answer.code == 4 and answer.json["reason"] == "the program trained 1 model: there is no training 3"


@pytest.mark.parametrize("option", ["--images .", "--convert L", "--trace", "--keep-weights", "--deterministic"])
def test_options_of_images_are_refused(option: str, repro: Repro, tmp_path: Path) -> None:
    answer = repro("run", write_scenario(tmp_path), "--trust", *option.split())
    assert answer.code == 2 and f"a script scenario has no {option.split()[0]}" in answer.err


def test_a_stop_ends_the_program_and_all_that_it_started(repro: Repro, tmp_path: Path) -> None:
    child = (
        "import subprocess, time\nprocess = subprocess.Popen(['sleep', '1000'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(process.pid))\n"
    )
    file = write_scenario(tmp_path, child + "time.sleep(1000)\n")

    def stop() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.02)
        RunDirectory(next(Path(os.environ["REPRO_STORE"]).glob("2*"))).request_stop()

    thread = threading.Thread(target=stop)
    thread.start()
    answer = repro("run", file, "--trust", "--json")
    thread.join()
    assert answer.code == 4 and answer.json["state"] == "stopped"
    assert not _lives(int((tmp_path / "pid").read_text()))

    write_scenario(tmp_path, PRINTS)
    resumed = repro("resume", "last", "--json")
    assert resumed.code == 4, "it runs the program that it was made with"


def test_a_killed_supervisor_takes_the_program_with_it_and_a_resume_begins_again(repro: Repro, tmp_path: Path) -> None:
    waits = (
        f"import time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)\n"
    )
    file = write_scenario(tmp_path, waits + PRINTS)
    process = subprocess.Popen(
        [sys.executable, "-m", "repro", "run", str(file), "--trust", "--plain"], stderr=subprocess.DEVNULL
    )
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while _lives(int((tmp_path / "pid").read_text())) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _lives(int((tmp_path / "pid").read_text()))
    assert repro("show", "last", "--json").json["state"] in ("interrupted", "elsewhere")
    (tmp_path / "go").touch()
    resumed = repro("resume", "last", "--json")
    assert resumed.code == 0 and resumed.json["verdict"] == "REPRODUCED"


def test_a_changed_copy_of_the_program_does_not_run(repro: Repro, tmp_path: Path) -> None:
    answer = repro("run", write_scenario(tmp_path, "sys.exit(1)\n"), "--trust", "--json")
    run = run_of(answer)
    run.file("program/train.py").write_text("print('other')")
    resumed = repro("resume", run.id, "--json")
    assert resumed.code == 2 and "is not the code that was run" in resumed.json["reason"]


def test_a_sweep_says_that_all_seeds_gave_the_same_weights(repro: Repro, tmp_path: Path) -> None:
    answer = repro("sweep", write_scenario(tmp_path, PRINTS), "--seeds", "0:3", "--trust", "--json")
    assert answer.code == 0, answer.err
    group = answer.json["groups"][0]
    assert group["reproduced"]["held"] == 3 and group["distinct_weights"] == 1
    text = repro("sweep", write_scenario(tmp_path, PRINTS), "--seeds", "0:3", "--trust")
    assert "all 3 seeds gave the same weights" in text.out


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
