"""Two thousand hostile cases, drawn by Hypothesis; `make fuzz` tries a hundred thousand with the same readers."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.fuzz.base import FuzzTarget
from tests.support.fuzz.clean_output import DefectError, assert_clean_output
from tests.support.fuzz.fuzz_targets import FUZZ_TARGETS

CASES = {"scenario": 500, "events": 400, "records": 400, "bundle": 250, "what-if": 250, "images": 200}


def test_the_cases_are_of_all_readers() -> None:
    assert CASES.keys() == FUZZ_TARGETS.keys()
    assert sum(CASES.values()) == 2000


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", FUZZ_TARGETS)
def test_whatever_is_read(name: str, tmp_path: Path) -> None:
    reader: FuzzTarget = FUZZ_TARGETS[name](tmp_path)

    @settings(
        max_examples=CASES[name],
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(draw=st.randoms(use_true_random=False))
    def one(draw: random.Random) -> None:
        reader.case(draw)

    one()


ANSWERS: dict[str, tuple[int, str, str]] = {
    "an exit code of its own": (9, "", ""),
    "an escape on standard output": (0, "title \x1b]0;x\x07\n", ""),
    "an escape on standard error": (2, "", "repro: \x9b2J\n"),
    "a carriage return": (0, "not reproduced\rreproduced\n", ""),
    "a traceback": (4, "", "Traceback (most recent call last):\n"),
    "no word": (2, "", ""),
    "another voice": (2, "", "error: no\n"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_judge_finds_faults(answer: str) -> None:
    with pytest.raises(DefectError):
        assert_clean_output(("show",), *ANSWERS[answer])


def test_the_judge_lets_answers_pass() -> None:
    assert_clean_output(("show",), 0, "\x1b[32m\x1b[1mREPRODUCED\x1b[0m\n", "")
    assert_clean_output(("show",), 2, "", "repro: no run is called 'x': `repro runs` lists them\n")


def test_an_exception_of_a_command_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that always says one line would hide every defect."""
    reader = FUZZ_TARGETS["events"](tmp_path)

    def breaks(*_: object, **__: object) -> Callable[[], None]:
        raise ZeroDivisionError

    for module in ("show", "runs", "compare", "watch", "stop", "resume", "diagnose", "what_if"):
        monkeypatch.setattr(f"repro.cli.{module}.open_store", breaks, raising=False)
    with pytest.raises(ZeroDivisionError):
        for seed in range(50):
            reader.case(random.Random(seed))
