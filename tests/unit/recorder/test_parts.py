"""The recorder's own arithmetic, without Keras."""

from __future__ import annotations

import importlib
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from repro.recorder import single_file


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


def test_values_become_json(recorder: Any) -> None:
    value = {"a": np.float32("nan"), 1: [np.int64(3), float("inf"), b"x", "\ud800"], "c": object}
    assert recorder("values").jsonable(value) == {"a": "nan", "1": [3, "inf", "x", "\\ud800"], "c": "object"}


def test_row_hashes_are_of_the_values_that_keras_sees(recorder: Any) -> None:
    rows = np.arange(12.0).reshape(4, 3)
    hashes = recorder("values").row_hashes([rows, {"b": np.arange(4)}], 3)
    assert len(set(hashes.tolist())) == 3
    same = recorder("values").row_hashes([rows.astype("float32"), {"b": np.arange(4)}], 3)
    assert np.array_equal(hashes, same)


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
