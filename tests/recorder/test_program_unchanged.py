"""A program under the recorder prints, computes and draws what it does without it, in each Keras generation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.recorder.conftest import Outcome, select

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

GENERATIONS = [("keras-3", "keras"), ("keras-3", "tf_keras"), ("keras-2.0.9", "keras")]


@pytest.mark.parametrize(("environment", "keras"), GENERATIONS)
def test_no_bit_of_a_program_changes(environment: str, keras: str, run_program: Callable[..., Outcome]) -> None:
    plain = run_program("bits.py", environment=environment, recorded=False, BITS_KERAS=keras)
    recorded = run_program("bits.py", environment=environment, BITS_KERAS=keras)
    assert plain.code == 0, plain.errors
    assert recorded.output == plain.output
    assert recorded.errors == plain.errors
    assert recorded.code == 0
    assert len(recorded.recordings) == 2  # one for each model
    events = recorded.events()
    assert [event["ended"] for event in select(events, "fit_ended")] == ["returned"] * 3
    assert select(events, "measured", set="fit", phase="training", alone=False)
    assert not select(events, "recorder_failed")


KINDS = [
    ("keras-3", "keras", "kinds.py", 13),
    ("keras-3", "tf_keras", "kinds.py", 13),
    ("keras-2.0.9", "keras", "kinds_2.py", 7),
]


@pytest.mark.parametrize(("environment", "keras", "program", "models"), KINDS)
def test_no_kind_of_data_or_training_changes(
    environment: str, keras: str, program: str, models: int, run_program: Callable[..., Outcome]
) -> None:
    plain = run_program(program, environment=environment, recorded=False, BITS_KERAS=keras)
    recorded = run_program(program, environment=environment, BITS_KERAS=keras)
    assert plain.code == 0, plain.errors
    assert recorded.output == plain.output
    assert recorded.errors == plain.errors
    assert len(recorded.recordings) == models
    for number in range(models):
        assert not select(recorded.events(number), "recorder_failed")
        assert select(recorded.events(number), "measured", set="fit", phase="inference"), number
