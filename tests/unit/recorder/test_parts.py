"""The recorder's own arithmetic, without Keras."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pytest

from repro.base.files import is_locked
from repro.recorder import single_file
from repro.runs.recorded_values import Name


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The recorder's modules by name, switched off."""
    single_file.write_hook_folder(tmp_path)
    monkeypatch.setenv("REPRO_RECORD_OFF", "1")
    monkeypatch.syspath_prepend(str(tmp_path))

    def module(name: str) -> ModuleType:
        return importlib.import_module(f"repro_recorder.{name}")

    yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == "repro_recorder"]:
        del sys.modules[name]


def test_the_assignment_is_the_best_of_all(recorder: Any) -> None:
    rng = np.random.default_rng(1)
    for size in (1, 2, 3, 5, 6):
        for _ in range(20):
            cost = rng.integers(-9, 9, (size, size)).astype(float)
            best = min(cost[np.arange(size), list(order)].sum() for order in itertools.permutations(range(size)))
            chosen = recorder("scores").assignment(cost)
            assert sorted(chosen) == list(range(size))
            assert cost[np.arange(size), chosen].sum() == best


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([0, 1, 1], "binary"),
        ([0, 1, 2], "integers"),
        ([[1.0], [0.0]], "binary"),
        ([[0, 1], [1, 0]], "one-hot"),
        ([[1, 1], [1, 0]], "multi-hot"),
        ([[0.5, 0.5], [0.9, 0.1]], "soft"),
        ([0.5, 1.5], "real"),
        ([-1.0, 1.0], "real"),
        (["a", "b"], "text"),
    ],
)
def test_kinds_of_labels(recorder: Any, labels: list[Any], kind: str) -> None:
    assert recorder("facts").label_kind(np.array(labels)) == kind


def test_facts_do_not_depend_on_how_the_rows_come(recorder: Any) -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(3.0, 2.0, (1000, 5)).astype("float32")
    rows[:, 2] = 7.0
    rows[412, 1], rows[600, 4] = np.nan, np.inf
    whole = recorder("facts").ArrayFacts("x")
    whole.add(rows)
    parts = recorder("facts").ArrayFacts("x")
    for start in range(0, 1000, 37):
        parts.add(rows[start : start + 37])
    one, other = whole.report(), parts.report()
    assert one["first_bad_row"] == other["first_bad_row"] == 412
    assert (one["nan"], one["infinite"], one["constant_columns"]) == (1, 1, 1)
    assert (other["nan"], other["infinite"], other["constant_columns"]) == (1, 1, 1)
    finite = rows[:, 0].astype(np.float64)
    for report in (one, other):
        assert report["columns"][0]["mean"] == pytest.approx(finite.mean())
        assert report["columns"][0]["deviation"] == pytest.approx(finite.std())


@pytest.mark.parametrize(
    ("name", "plain"),
    [("train", "train"), ("My Model!!", "my-model"), ("a--b..c", "a-b.c"), ("???", "recording"), ("x" * 99, "x" * 60)],
)
def test_names_are_those_of_scenarios(recorder: Any, name: str, plain: str) -> None:
    assert recorder("journal").plain_name(name) == plain


def test_an_id_is_made_where_warnings_are_errors(recorder: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-x-recorded-s0-[a-z0-9]{4}", recorder("journal").new_id("x"))


@pytest.mark.parametrize(
    ("script", "name"), [(None, "program"), ("/a/train.py", "train"), ("/a/package/__main__.py", "package")]
)
def test_a_recording_is_named_after_its_program(recorder: Any, script: str | None, name: str) -> None:
    assert recorder("recordings")._stem(script) == name


def test_values_become_json(recorder: Any) -> None:
    value = {"a": np.float32("nan"), 1: [np.int64(3), float("inf"), b"x", "\ud800"], "c": object}
    assert recorder("values").jsonable(value) == {"a": "nan", "1": [3, "inf", "x", "\\ud800"], "c": "object"}


def test_no_text_is_longer_than_its_reader_allows(recorder: Any) -> None:
    long = recorder("values").jsonable({"n" * 5000: ["x" * 5000, b"y" * 5000]})
    ((key, (first, second)),) = long.items()
    assert [msgspec.convert(word, Name) for word in (key, first, second)] == ["n" * 1000, "x" * 1000, "y" * 1000]


def test_row_hashes_are_of_the_values_that_keras_sees(recorder: Any) -> None:
    rows = np.arange(12.0).reshape(4, 3)
    hashes = recorder("values").row_hashes([rows, {"b": np.arange(4)}], 3)
    assert len(set(hashes.tolist())) == 3
    same = recorder("values").row_hashes([rows.astype("float32"), {"b": np.arange(4)}], 3)
    assert np.array_equal(hashes, same)


def test_an_iterator_that_several_threads_ask_is_asked_by_several(recorder: Any) -> None:
    class Batches:
        size = 8

        def __init__(self) -> None:
            self.lock, self.count = threading.Lock(), 0

        def __next__(self) -> int:
            with self.lock:
                time.sleep(0.001)
                self.count += 1
                if self.count > 60:
                    raise StopIteration
                return self.count

    inner, seen, drawn = Batches(), [], []
    watched = recorder("sources").watched_generator(inner, seen.append)
    threads = [threading.Thread(target=lambda: drawn.extend(watched)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == sorted(seen) == list(range(1, 61))
    assert watched.size == 8


def test_a_generator_is_never_ahead_of_who_asks(recorder: Any) -> None:
    inner, seen = iter(range(9)), []
    generator = (number for number in inner)
    watched = recorder("sources").watched_generator(generator, seen.append)
    assert [next(watched), next(watched), *seen] == [0, 1, 0, 1]
    watched.close()
    assert next(generator) == 2


FORKS = """
import os, sys, time
from repro_recorder import journal, process
made = journal.Journal(sys.argv[1], "forks", lambda identity: {})
process.current().recordings.append(made)
made.send("before")
made._writing.acquire()  # as another thread may, in the moment of the fork
child = os.fork()
if not child:
    made.send("in_child")
    assert made.save("array", [1.0]) is None
    print("child", flush=True)
    time.sleep(600)
made._writing.release()
process.current().recordings.remove(made)
made.send("after")
made.close()
print(child, flush=True)
"""


def test_a_forked_child_writes_nothing_and_holds_no_lock(tmp_path: Path) -> None:
    single_file.write_hook_folder(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", FORKS, str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(tmp_path), "REPRO_RECORD_OFF": "1"},
    ) as program:
        assert program.stdout is not None
        lines = {program.stdout.readline(), program.stdout.readline()}
        child = next(int(line) for line in lines if line != "child\n")
        try:
            (path,) = (tmp_path / "store").glob("2*")
            assert not is_locked(path / "run.lock")
            events = [json.loads(line)["event"] for line in (path / "events.jsonl").read_text().splitlines()]
            assert events == ["before", "after"] and not list((path / "arrays").iterdir())
        finally:
            os.kill(child, signal.SIGKILL)
    assert program.returncode == 0


FULL = """
import resource, signal, sys
from repro_recorder import journal
made = journal.Journal(sys.argv[1], "full", lambda identity: {})
made.send("first")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
try:
    made.send("second", text="x" * 1000)
except OSError as error:
    print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
made.send("third")
made.close()
"""


def test_nothing_follows_a_line_for_which_the_disk_was_too_full(tmp_path: Path) -> None:
    single_file.write_hook_folder(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "store")],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path), "REPRO_RECORD_OFF": "1"},
    )
    assert done.stdout == "File too large\n"
    (path,) = (tmp_path / "store").glob("2*")
    whole, torn = (path / "events.jsonl").read_bytes().split(b"\n")
    assert json.loads(whole)["event"] == "first" and torn.endswith(b"xxx")


def test_the_single_file_loads_its_modules(tmp_path: Path) -> None:
    (tmp_path / "repro_recorder.py").write_text(single_file.source(), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, repro_recorder; from repro_recorder import values; print(values.sides([1]),"
            " 'numpy' in sys.modules, callable(repro_recorder.watch), repro_recorder.SOURCE_SHA256)",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout.split() == ["[1]", "True", "True", single_file.sha256()]


def test_a_process_that_imports_no_keras_loads_next_to_nothing(tmp_path: Path) -> None:
    single_file.write_hook_folder(tmp_path)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; print(sorted(name for name in sys.modules if 'repro' in name or name == 'numpy'))",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path), "REPRO_RECORD_STORE": str(tmp_path / "store")},
    )
    assert done.stdout.strip() == "['repro_recorder', 'repro_recorder.start']"
    assert not (tmp_path / "store").exists()


def test_a_notebook_has_no_script_and_is_called_so(
    recorder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = tmp_path / "ipykernel_launcher.py"
    kernel.touch()
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(kernel), raising=False)
    assert recorder("process").script_path() is None
    assert recorder("recordings")._stem(None) == "program"
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    assert recorder("recordings")._stem(None) == "notebook"


def test_a_pass_takes_no_more_samples_than_the_outputs_of_its_layers_allow(recorder: Any) -> None:
    phases, most_bytes = recorder("phases"), recorder("limits").PASS_BYTES
    labels = np.zeros(64, np.int64)
    measured = recorder("measure").Measured(None, (np.zeros((64, 4), np.float32), labels, None), 8, 1.0)
    assert measured.most_rows() == 64
    capture = phases.Capture()
    capture.info["wide"] = (None, 0, (most_bytes // 4 // 16,))
    measured.first_captures = (capture, capture)
    assert measured.most_rows() == measured.large() == 16
    capture.info["wider"] = (None, 0, (most_bytes,))
    assert measured.most_rows() == 8
