"""What a recording says is what the program would have measured itself."""

from __future__ import annotations

import ast
from collections.abc import Callable

import numpy as np
import pytest

from repro.runs import events as run_events
from tests.support.recorded_programs import Outcome, only, select

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
def test_a_replayed_momentum_is_what_training_at_it_gives(keras: str, run_program: Callable[..., Outcome]) -> None:
    outcome = run_program("evidence.py", "momenta", BITS_KERAS=keras)
    own, other = (ast.literal_eval(line) for line in outcome.output.splitlines())
    events = outcome.events()
    inference = only(events, "measured", set="fit", phase="inference", alone=False)
    assert inference["loss"] == pytest.approx(own[0], rel=1e-5)
    assert inference["accuracy"] == pytest.approx(own[1])
    trial = only(events, "trial", kind="momentum", momentum=0.5)
    assert trial["available"]
    assert trial["loss"] == pytest.approx(other[0], rel=1e-3)
    assert trial["deviation"] < 1e-5
    layer = only(events, "fit_ended")["batch_norm"][0]
    assert layer["updates"] == layer["steps"] == layer["looked"] == 20
    assert layer["initial_weight"] == pytest.approx(0.99**20)
    assert layer["initial_at_start"] and layer["moved"] and layer["error_bound"] < 0.05


def test_later_calls_are_seen_with_their_weights_and_data(run_program: Callable[..., Outcome]) -> None:
    events = run_program("evidence.py", "calls").events()
    calls = select(events, "call_observed")
    assert [call["model"] for call in calls] == ["this", "another", "this"]
    assert [call["weights"]["equal"] for call in calls] == [True, False, True]
    assert [set(call["figures"]) for call in calls] == [{"loss", "accuracy"}] * 3
    served = calls[1]["weights"]
    assert served["trainable"]["equal"] == served["trainable"]["of"]
    assert served["moving"] == {"equal": 0, "of": 2, "initial": 2}
    in_fit = only(events, "measured", set="fit", phase="inference", alone=False)
    assert only(events, "trial", set="call", call=2, kind="statistics-of-fit")["loss"] == pytest.approx(in_fit["loss"])
    scaled = only(events, "trial", set="call", call=3, kind="scale", parameter={"factor": 1 / 255})
    assert scaled["loss"] == pytest.approx(in_fit["loss"], rel=1e-4)
    renamed = only(events, "trial", set="validation", kind="permutation")
    assert renamed["parameter"] == {"to": [1, 2, 0]}
    assert renamed["right"] > 0.85


@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
def test_statistics_that_are_built_in_show_one_sample_at_a_time(
    keras: str, run_program: Callable[..., Outcome]
) -> None:
    """tf.keras keeps training=True in inference; Keras 3 overrides it. This program sets no seed."""
    phases = only(run_program("evidence.py", "built_in", BITS_KERAS=keras).events(), "layer_phases")
    parted, alone = (
        (phases["first"], phases["first_alone"]) if keras == "keras" else (phases["first_alone"], phases["first"])
    )
    assert phases["layers"][parted]["class"] == "BatchNormalization"
    assert alone is None


def test_every_event_and_array_can_be_read(run_program: Callable[..., Outcome]) -> None:
    outcome = run_program("evidence.py", "calls")
    for line in (outcome.recordings[0] / "events.jsonl").read_bytes().splitlines():
        run_events.decode(line)
    files = list((outcome.recordings[0] / "arrays").iterdir())
    assert files
    for file in files:
        assert np.load(file, allow_pickle=False).dtype.kind in "fiu"
    named = {event["outputs"] for event in outcome.events() if event.get("outputs")}
    assert named <= {f"arrays/{file.name}" for file in files}
