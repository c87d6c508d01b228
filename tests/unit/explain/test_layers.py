"""What the layers say about a run, and the arithmetic of moving statistics, which is the worker's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.base.errors import InputError
from repro.cli import run_command_line
from repro.explain import layers, moving_statistics, trace
from repro.explain.phrases import as_text
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.supervise.what_if import Answer
from repro.worker import batch_norm
from tests.support.runs import recorded

EPSILON = 1.001e-05


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def measured_run(store: Path, *, epochs: tuple[int, ...] = (5,), **changes: Any) -> RunDirectory:
    """A run of two layers of two channels with arrays for its last epoch; `changes` are of its last measurement."""
    pairs = [events.LayerDrift(name, 2, 0.5, 0.25, 1.0, 2.0, 3.0, 4.0) for name in ("first", "second")]
    measurement = events.BatchNormMeasured(
        epoch=5, updates=5, momentum=0.9, initial_weight=0.9**5, moving_to_batch_distance=0.5, layers=pairs
    )
    said = [*recorded.beginning(), *recorded.epochs(1, 5)]
    for epoch in epochs:
        said += recorded.measured(epoch)[:-1]
        said.append(msgspec.structs.replace(measurement, epoch=epoch, **changes))
    run = recorded.write(store, recorded.make_id(1), said)
    # mean (2), variance (2) of each layer: the second layer's mean is a whole deviation off
    np.save(run.file("arrays/moving-statistics-0000005.npy"), np.float32([1, 1, 4, 4, 0, 0, 4, 4]))
    np.save(run.file("arrays/batch-statistics-0000005.npy"), np.float32([1, 1.2, 4, 4.4, 2, 2, 16, 16]))
    return run


def test_what_inference_makes_of_a_layer_is_the_formula_of_the_docs(store: Path) -> None:
    (report,) = layers.read(measured_run(store))
    assert (report.epoch, report.epsilon, report.training_accuracy) == (5, EPSILON, 1.0)
    first, second = (layer.inference for layer in report.layers)
    assert first is not None and second is not None
    deviation = np.sqrt(4 + EPSILON)
    assert first.mean_shift == pytest.approx((0 + 0.2 / deviation) / 2, rel=1e-6)  # the median of two is their middle
    assert first.std_ratio == pytest.approx((1 + np.sqrt(4.4 + EPSILON) / deviation) / 2, rel=1e-6)
    assert not first.diverges
    assert second.mean_shift == pytest.approx(2 / deviation, rel=1e-6) and second.std_ratio == pytest.approx(
        2, rel=1e-5
    )
    assert second.diverges and report.first_divergence == 1


@pytest.mark.parametrize(
    ("shift", "ratio", "diverges"),
    [
        (0.1, 1.0, False),
        (0.11, 1.0, True),
        (0.0, 1.09, False),
        (0.0, 1.11, True),
        (0.0, 0.92, False),
        (0.0, 0.9, True),
        (float("nan"), float("nan"), True),
    ],
)
def test_a_layer_diverges_from_a_tenth_on(shift: float, ratio: float, diverges: bool) -> None:
    assert layers.InferenceView(shift, ratio).diverges is diverges


def test_the_sentences_name_accuracies_weight_and_layer(store: Path) -> None:
    (report,) = layers.read(measured_run(store))
    assert [as_text(sentence) for sentence in layers.summary(report)] == [
        "Same weights, same images: accuracy 1 in training, 0.3333 in inference.",
        "Initial values weigh 0.9^5 = 0.5905 after 5 updates; under 1 % after 44.",
        "The phases diverge at layer 2, second: training sees mean 0 and deviation 1, "
        "inference a mean off by 1, std ratio 2.",
    ]
    assert layers.batch_spread(report) == ()


def test_debiased_averages_are_not_said_to_follow_the_power(store: Path) -> None:
    (report,) = layers.read(measured_run(store, initial_weight=0.0))
    assert "Initial values weigh 0 after 5 updates." in map(as_text, layers.summary(report))


def test_an_epoch_of_several_batches_says_how_far_they_lie_apart(store: Path) -> None:
    spread = events.BatchSpread(count=4, accuracy=0.75, mean_spread=0.31, largest_variance=57.0, layer="second")
    (report,) = layers.read(measured_run(store, batches=spread))
    assert as_text(layers.batch_spread(report)) == (
        "Over 4 shuffled batches: accuracy 0.75 in training, batch means 0.31 standard deviations apart; "
        "the largest variance is 57 times the median, in second."
    )


@pytest.mark.parametrize("array", [np.zeros(6, np.float32), np.zeros((2, 4), np.float32), None])
def test_arrays_that_do_not_fit_are_not_used(store: Path, array: np.ndarray | None) -> None:
    run = measured_run(store)
    file = run.file("arrays/moving-statistics-0000005.npy")
    file.write_bytes(b"no array")
    if array is not None:
        np.save(file, array)
    (report,) = layers.read(run)
    assert not report.has_arrays and report.first_divergence is None
    assert "holds no arrays" in as_text(layers.summary(report)[-1])


@pytest.mark.parametrize(("fingerprint", "epsilon"), [({"epsilon": 0.5}, 0.5), ({"epsilon": []}, 1e-3), ({}, 1e-3)])
def test_epsilon_is_the_runs_own(fingerprint: dict[str, Any], epsilon: float) -> None:
    assert layers._epsilon(fingerprint) == epsilon


def test_the_distance_of_a_layer_is_the_mean_of_what_it_has() -> None:
    drift = events.LayerDrift("bn", 2, 0.5, 0.25, 0.0, 0.0, 1.0, 1.0)
    assert layers.remaining_distance(drift) == 0.375
    assert layers.remaining_distance(msgspec.structs.replace(drift, mean=None)) == 0.25
    assert layers.remaining_distance(msgspec.structs.replace(drift, mean=None, variance=None)) is None


# -- the command


def show(store: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    capsys.readouterr()
    assert run_command_line(["--store", str(store), "show", "last", *options]) == 0
    return capsys.readouterr().out


def test_show_prints_the_layers_of_the_last_epoch(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured_run(store, epochs=(2, 5))
    without, text = show(store, capsys), show(store, capsys, "--layers")
    assert text.startswith(without.rstrip("\n"))
    lines = text.removeprefix(without).splitlines()
    assert lines[:3] == ["", "BatchNormalization layers after epoch 5", "  Same weights, same images: accuracy 1 in "
                         "training, 0.3333 in inference."]  # fmt: skip
    assert "  --json also has the layers after epoch 2." in lines
    head, first, second = (line.split() for line in lines[-3:])
    assert head[:2] == ["layer", "channels"] and first[:4] == ["first", "2", "0.5000", "0.2500"]
    assert second == ["second", "2", "0.5000", "0.2500", "1", "2", "3", "4", "1", "2"]
    assert len({len(line) for line in lines[-3:]}) == 1


def test_show_gives_the_layers_of_all_epochs_as_json(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = measured_run(store, epochs=(2, 5))
    assert "layers" not in json.loads(show(store, capsys, "--json"))
    reports = json.loads(show(store, capsys, "--layers", "--json"))["layers"]
    assert [(report["epoch"], report["first_divergence"]) for report in reports] == [(2, None), (5, 1)]
    assert reports[0]["layers"][0]["mean_shift"] is None
    view = layers.read(run)[1].layers[1].inference
    assert view is not None
    assert reports[1]["layers"][1] == {
        "name": "second",
        "channels": 2,
        "mean": 0.5,
        "variance": 0.25,
        "moving_mean": 1.0,
        "batch_mean": 2.0,
        "moving_variance": 3.0,
        "batch_variance": 4.0,
        "momentum": None,
        "calls": None,
        "updates": None,
        "untouched": False,
        "trainable": None,
        "calls_apart": None,
        "mean_shift": view.mean_shift,
        "std_ratio": view.std_ratio,
        "diverges": True,
    }
    assert len(reports[1]["sentences"]) == 3


def test_show_of_a_run_without_layers_says_so(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded.light(store, 0)
    assert show(store, capsys, "--layers").endswith("\nThis run measured no BatchNormalization layer.\n")
    assert json.loads(show(store, capsys, "--layers", "--json"))["layers"] == []


# -- what a traced run says about other momenta


def test_the_remaining_distance_is_that_of_the_replayed_averages(store: Path) -> None:
    traced = trace.read(recorded.traced(store))
    assert (traced.epochs, traced.momentum, traced.steps_per_epoch) == ([1, 2, 5], 0.99, 1)
    assert [answer.epoch for answer in traced.measured] == [5] and traced.measured[0].exact
    assert traced.count_right(traced.measured[0]) == 1
    assert trace.remaining_distances(traced, 0.0, 5) == [0.0, 0.0]
    table = np.fromfile(traced.run.file("arrays/trace.f32"), np.float32).reshape(5, -1)
    channels = list(recorded.CHANNELS)
    moving = batch_norm.replay(table[:2], channels, 0.9)  # type: ignore[no-untyped-call]
    expected = [
        (batch_norm.remaining(mean, batch_mean, 0.0) + batch_norm.remaining(variance, batch_variance, 1.0)) / 2  # type: ignore[no-untyped-call]
        for (mean, variance), (batch_mean, batch_variance) in zip(
            batch_norm.unflatten(moving, channels),  # type: ignore[no-untyped-call]
            batch_norm.unflatten(table[1], channels),  # type: ignore[no-untyped-call]
            strict=True,
        )
    ]
    assert trace.remaining_distances(traced, 0.9, 2) == expected
    assert 0.7 < expected[0] < 0.9
    debiased = trace.remaining_distances(traced, 0.9, 2, "debiased")
    assert debiased[0] is not None and debiased[0] < expected[0]
    assert trace.remaining_distances(traced, 0.9, 2, "re-estimated") == [0.0, 0.0]


def test_layers_of_several_momenta_measured_no_answer(store: Path) -> None:
    run = recorded.traced(store)
    head = json.loads(run.file("arrays/trace.json").read_text())
    run.file("arrays/trace.json").write_text(json.dumps(head | {"momenta": [0.99, 0.9]}))
    traced = trace.read(run)
    assert (traced.trained_momenta, traced.momentum, traced.measured) == ([0.9, 0.99], 0.99, [])


@pytest.mark.parametrize(
    "damage",
    [b"{", b"[]", b'{"channels": [4]}', b'{"channels": [-1], "update_rule": "weighted", "momentum": 0.9}',
     b'{"channels": [4, 8], "update_rule": "guess", "momentum": 0.9}'],
)  # fmt: skip
def test_a_damaged_trace_is_refused_by_its_name(store: Path, damage: bytes) -> None:
    run = recorded.traced(store)
    run.file("arrays/trace.json").write_bytes(damage)
    with pytest.raises(InputError, match=r"trace\.json: damaged"):
        trace.read(run)


def test_a_trace_that_ends_early_has_no_distances(store: Path) -> None:
    run = recorded.traced(store)
    traced = trace.read(run)
    run.file("arrays/trace.f32").write_bytes(b"\x00" * 100)
    with pytest.raises(ValueError, match="reshape"):
        trace.remaining_distances(traced, 0.9, 5)


@pytest.mark.parametrize(
    ("distances", "median"), [([], None), ([None], None), ([0.1, None, 0.3, 0.2], 0.2), ([0.1, 0.4], 0.4)]
)
def test_the_median_is_of_the_distances_that_there_are(distances: list[float | None], median: float | None) -> None:
    assert trace.median_distance(distances) == median


@pytest.mark.parametrize(
    ("kind", "exact", "seconds", "words"),
    [
        ("debiased", True, 1.0, "≠ No run predicts so: the averages"),
        ("re-estimated", True, 1.0, "≠ No run predicts so: statistics of one pass"),
        ("moving", True, 0.0, "= Exact: measured in this very run"),
        ("moving", True, 1.0, "= Exact: bit for bit"),
        ("moving", False, 1.0, "≈ Close, not bit for bit"),
    ],
)
def test_every_answer_says_how_certain_it_is(kind: Any, exact: bool, seconds: float, words: str) -> None:
    answer = Answer(0.9, 5, kind, exact, {}, {}, seconds)
    assert as_text(trace.certainty(answer)).startswith(words)


@pytest.mark.parametrize(
    ("kind", "tone", "words"),
    [
        ("moving", "bad", "Initial values weigh 0.9^5 = 0.5905."),
        ("debiased", "good", "Initial values weigh 0.9^5 = 0.5905; taken out here."),
        ("re-estimated", "good", "Initial values weigh 0.9^5 = 0.5905; not used here."),
    ],
)
def test_what_the_initial_values_weigh(store: Path, kind: Any, tone: str, words: str) -> None:
    sentence = trace.initial_weight(trace.read(recorded.traced(store)), 0.9, 5, kind)
    assert as_text(sentence) == words and sentence[1].tone == tone


# -- the engine's arithmetic is the worker's


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 5), max_size=4),
    st.integers(0, 6),
    st.floats(0.0, 1.0),
    st.sampled_from(["weighted", "difference"]),
    st.integers(0, 2**32 - 1),
)
def test_engine_and_worker_compute_the_same_bits(
    channels: list[int], steps: int, momentum: float, rule: Any, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    batches = generator.normal(2.0, 3.0, (steps, 2 * sum(channels))).astype(np.float32)
    mine = moving_statistics.replay(batches, channels, momentum, rule)
    theirs = batch_norm.replay(batches, channels, momentum, rule)  # type: ignore[no-untyped-call]
    assert mine.dtype == theirs.dtype == np.float32 and mine.tobytes() == theirs.tobytes()
    unbiased = moving_statistics.debias(mine, channels, momentum, steps)
    assert unbiased.tobytes() == batch_norm.debias(theirs, channels, momentum, steps).tobytes()  # type: ignore[no-untyped-call]
    target = generator.normal(2.0, 3.0, 2 * sum(channels)).astype(np.float32)
    ours = zip(*(moving_statistics.split_by_layer(vector, channels) for vector in (mine, target)), strict=True)
    others = zip(*(batch_norm.unflatten(vector, channels) for vector in (theirs, target)), strict=True)  # type: ignore[no-untyped-call]
    for pairs, other_pairs in zip(ours, others, strict=True):
        for (statistic, batch), (other, other_batch), initial in zip(
            zip(*pairs, strict=True), zip(*other_pairs, strict=True), (0.0, 1.0), strict=True
        ):
            distance = moving_statistics.remaining_distance(statistic, batch, initial)
            assert distance == batch_norm.remaining(other, other_batch, initial)  # type: ignore[no-untyped-call]


def test_engine_and_worker_begin_with_the_same_values() -> None:
    assert (moving_statistics.INITIAL_MEAN, moving_statistics.INITIAL_VARIANCE) == (
        batch_norm.INITIAL_MEAN,
        batch_norm.INITIAL_VARIANCE,
    )
    same = np.ones(3, np.float32)
    assert moving_statistics.remaining_distance(same * 5, same, 1.0) is None
