"""`repro record` around programs without Keras: exit codes, signals, output, why nothing was recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def record(*words: str, store: Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "repro", "--store", str(store), "record", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def python(source: str, *options: str) -> list[str]:
    return [sys.executable, *options, "-c", source]


@pytest.mark.parametrize(
    ("source", "code"), [("", 0), ("import sys; sys.exit(7)", 7), ("1/0", 1), ("import os; os._exit(5)", 5)]
)
def test_the_exit_code_is_the_programs_own(source: str, code: int, tmp_path: Path) -> None:
    assert record(*python(source), store=tmp_path / "runs").returncode == code


def test_a_signal_is_128_and_its_number(tmp_path: Path) -> None:
    assert record(*python("import os; os.kill(os.getpid(), 9)"), store=tmp_path / "runs").returncode == 137


def test_input_output_folder_and_pythonpath_are_the_programs_own(tmp_path: Path) -> None:
    (tmp_path / "module_of_mine.py").write_text("value = 'found'")
    done = record(
        *python("import module_of_mine, sys, os; print(input(), module_of_mine.value, os.getcwd(), sys.argv[1:])"),
        "--lr",
        "--",
        "-h",
        store=tmp_path / "runs",
        input="typed\n",
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
    )
    assert done.stdout == f"typed found {tmp_path} ['--lr', '--', '-h']\n", done.stderr


def test_a_command_line_may_be_long(tmp_path: Path) -> None:
    words = ["w" * 50] * 5000 + ["x" * 100_000]
    done = record(*python("import sys; print(len(sys.argv), len(sys.argv[-1]))"), *words, store=tmp_path / "runs")
    assert (done.returncode, done.stdout) == (0, "5002 100000\n"), done.stderr


def test_with_json_what_the_program_prints_is_on_standard_error(tmp_path: Path) -> None:
    done = record("--json", *python("print('mine')"), store=tmp_path / "runs")
    assert done.stdout == "" and "mine" in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (python("", "-I"), "was not loaded"),
        (python("", "-E"), "was not loaded"),
        (python("", "-S"), "was not loaded"),
        (["sh", "-c", "true"], "was not loaded"),
        (["env", "PYTHONPATH=/nowhere", *python("")], "was not loaded"),
        (python(""), "no Keras was imported"),
    ],
)
def test_one_line_says_why_nothing_was_recorded(words: list[str], why: str, tmp_path: Path) -> None:
    done = record(*words, store=tmp_path / "runs")
    (line,) = done.stderr.splitlines()
    assert line.startswith("repro: nothing was recorded") and why in line and done.returncode == 0


def test_a_sitecustomize_of_the_users_own_runs_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.mine = 'chained'")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    assert record(*python("print(mine)"), store=tmp_path / "runs", env=environment).stdout == "chained\n"


def test_without_a_store_the_program_runs_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = record(*python("print('ran')"), store=tmp_path / "file" / "runs")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr.count("\n") == 1 and "runs unrecorded" in done.stderr


@pytest.mark.parametrize(
    "words", [[], ["no-such-command-here"], ["--name", "../x", "true"], ["--environment", "unknown", "true"]]
)
def test_bad_input_is_one_line_and_nothing_runs(words: list[str], tmp_path: Path) -> None:
    done = record(*words, store=tmp_path / "runs")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_goes_to_the_program_and_its_end_is_waited_for(number: signal.Signals, tmp_path: Path) -> None:
    source = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: (time.sleep(0.3), print('got it', flush=True), sys.exit(9)))\n"
        "print('ready', flush=True)\ntime.sleep(30)\n"
    )
    command = [sys.executable, "-m", "repro", "--store", str(tmp_path / "runs"), "record", *python(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(number)
        assert process.stdout.read() == "got it\n" and process.wait(20) == 9
