"""A program under the recorder prints, computes and draws what it does without it, in each Keras generation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.recorded_programs import Outcome, select

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

# TensorFlow 1 sums and updates in any order: about one plain run in ten differs from the others.
ATTEMPTS = {"keras-3": 1, "tf-2.6": 1, "keras-2.0.9": 4, "keras-2.2.4": 4, "keras-2.3.1": 4}

GENERATIONS = [
    ("keras-3", "keras"),
    ("keras-3", "tf_keras"),
    ("keras-2.0.9", "keras"),
    ("keras-2.2.4", "keras"),
    ("keras-2.3.1", "keras"),
    ("tf-2.6", "tensorflow.keras"),
    ("tf-2.6", "keras"),
]


# Nothing of the phases is known there, and the recording says why.
UNMEASURED = ("keras-2.3.1",)


def run_both(run: Callable[..., Outcome], program: str, environment: str, keras: str, store: Path) -> Outcome:
    """Run a program until the recorder's run is like a plain one; return the recorder's, which is asserted to be so."""
    plain: list[tuple[int, str, str]] = []
    for attempt in range(ATTEMPTS[environment]):
        alone = run(program, environment=environment, recorded=False, BITS_KERAS=keras)
        assert alone.code == 0, alone.errors
        plain.append((alone.code, alone.output, alone.errors))
        recorded = run(program, environment=environment, store=store / str(attempt), BITS_KERAS=keras)
        if (recorded.code, recorded.output, recorded.errors) in plain:
            break
    assert recorded.output in [output for _, output, _ in plain]
    assert (recorded.code, recorded.output, recorded.errors) in plain
    return recorded


@pytest.mark.parametrize(("environment", "keras"), GENERATIONS)
def test_no_bit_of_a_program_changes(
    environment: str, keras: str, run_program: Callable[..., Outcome], tmp_path: Path
) -> None:
    recorded = run_both(run_program, "bits.py", environment, keras, tmp_path)
    assert len(recorded.recordings) == 2  # one for each model
    events = recorded.events()
    assert [event["ended"] for event in select(events, "fit_ended")] == ["returned"] * 3
    if environment in UNMEASURED:
        assert "cannot be measured" in select(events, "missing", what="measurements")[0]["reason"]
    else:
        assert select(events, "measured", set="fit", phase="training", alone=False)
    assert not select(events, "recorder_failed")


KINDS = [
    ("keras-3", "keras", "kinds.py", 13),
    ("keras-3", "tf_keras", "kinds.py", 13),
    ("keras-2.0.9", "keras", "kinds_2.py", 7),
    ("keras-2.2.4", "keras", "kinds_2.py", 7),
    ("keras-2.3.1", "keras", "kinds_2.py", 7),
]


@pytest.mark.parametrize(("environment", "keras", "program", "models"), KINDS)
def test_no_kind_of_data_or_training_changes(
    environment: str, keras: str, program: str, models: int, run_program: Callable[..., Outcome], tmp_path: Path
) -> None:
    recorded = run_both(run_program, program, environment, keras, tmp_path)
    assert len(recorded.recordings) == models
    for number in range(models):
        assert not select(recorded.events(number), "recorder_failed")
        is_measured = bool(select(recorded.events(number), "measured", set="fit", phase="inference"))
        assert is_measured == (environment not in UNMEASURED), number
