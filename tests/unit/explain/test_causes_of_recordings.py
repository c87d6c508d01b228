"""Rules that recordings of programs with known causes (benchmarks/causes/tuned) need, on evidence that is given."""

from __future__ import annotations

from dataclasses import replace

from repro.explain.causes.evidence import Channel, Evidence, Head, Inputs, Norm, Other, Score, Spike, Steps, Trial
from repro.explain.causes.ranking import judge


def score(right: float | None, loss: float | None = None) -> Score:
    return Score(right, loss, 60, 10)


NORM = Norm("bn", momentum=0.99, updates=20, calls=1, moved=True, initial_weight=0.99**20, from_initial=True)
GOOD = Evidence(score(1.0), score(1.0), losses=[0.7, 0.1], norms=[NORM], batch_size=10, steps=Steps(count=100))
WORSE = replace(GOOD, inference=score(0.4), first_apart="bn")
RE_ESTIMATED = Trial("re-estimated", score(1.0))
DEBIASED = Trial("debiased", score(1.0))


def first(evidence: Evidence) -> str:
    return judge(evidence)[0].cause


def test_what_an_earlier_training_left_is_stale_and_not_initial() -> None:
    tried = replace(WORSE, trials=[RE_ESTIMATED, DEBIASED])
    assert first(tried) == "not-converged"
    second = replace(tried, norms=[replace(NORM, from_initial=False)])
    assert first(second) == "stale"
    assert "before this training weighs 81.8 %" in judge(second)[0].says


def test_an_output_that_cannot_fit_is_named_whatever_the_loss_does() -> None:
    falling = replace(GOOD, inference=score(None, -75.0), training=score(None, -75.0), losses=[-1.0, -71.0], norms=[])
    head = Head("sigmoid", 1, "binary_crossentropy", label_kind="integers", label_classes=5)
    assert first(replace(falling, head=head)) == "output-and-loss"
    assert first(replace(falling, head=replace(head, label_classes=2))) == "no-discrepancy"


def test_whole_numbers_are_out_of_range_for_a_loss_of_numbers_only() -> None:
    flat = replace(GOOD, inference=score(None, 90.0), training=score(None, 90.0), losses=[95.0, 90.0], norms=[])
    head = Head("sigmoid", 1, "mse", label_kind="integers", target_minimum=-11.0, target_maximum=19.0)
    assert first(replace(flat, head=head)) == "output-and-loss"
    assert first(replace(flat, head=replace(head, loss="focal"))) != "output-and-loss"


def test_units_that_are_all_dead_are_not_learning_though_the_loss_falls() -> None:
    dead = replace(GOOD, inference=score(0.25), training=score(0.25), losses=[4000.0, 1.39], norms=[])
    assert first(dead) == "no-discrepancy"
    steps = Steps(count=300, constant_layer="dense_2")
    assert first(replace(dead, steps=steps)) == "not-learning"
    assert first(replace(dead, inference=score(0.95), training=score(0.95), steps=steps)) == "no-discrepancy"


def test_dropout_before_a_norm_is_named_though_training_is_the_worse_phase() -> None:
    drops = replace(GOOD, training=score(0.5), inference=score(0.6), random=["dropout"], order=["dropout", "bn"])
    shifted = replace(drops, trials=[RE_ESTIMATED])
    assert "comes before BatchNormalization" in judge(shifted)[0].says
    harmless = replace(drops, norms=[], order=["dropout"])
    assert "no fault" in judge(harmless)[0].says


def test_one_of_several_inputs_is_named() -> None:
    channels = [Channel(0.5, 0.2, "picture"), Channel(0.0, 1.0, "measures")]
    raw = Other(
        "evaluate",
        score(0.5),
        is_call=True,
        inputs=Inputs([Channel(127.0, 51.0, "picture"), channels[1]]),
        trials=[Trial("scale", score(1.0), factor=1 / 255, of="picture")],
    )
    finding = judge(replace(GOOD, inputs=Inputs(channels), others=[raw]))[0]
    assert finding.cause == "preprocessing"
    assert "its values divided by 255 in input picture" in finding.remedy


def test_a_renaming_rests_on_classes_that_training_saw() -> None:
    seen = replace(GOOD, inputs=Inputs(classes={"0": 20, "1": 20, "2": 0}))
    renaming = [Trial("permutation", score(1.0), renamed=[0, 2, 1])]
    only_new = Other("validation", score(0.0), inputs=Inputs(classes={"2": 40}), trials=renaming)
    assert [finding.cause for finding in judge(replace(seen, others=[only_new]))] == ["unseen-classes"]
    exchanged = replace(only_new, inputs=Inputs(classes={"0": 20, "1": 20}))
    renaming = [Trial("permutation", score(1.0), renamed=[1, 0, 2])]
    assert first(replace(seen, others=[replace(exchanged, trials=renaming)])) == "label-order"


def test_outliers_are_proved_by_the_median_of_batches() -> None:
    median = Trial("re-estimated", score(1.0), without="batches that stand out")
    trials = [median, Trial("re-estimated", score(0.4)), Trial("batch", score(0.4), batch_size=64)]
    calm = [replace(NORM, initial_weight=0.0)]
    polluted = replace(WORSE, spike=Spike(900.0, "bn", share=0.1), norms=calm, batch_size=8, trials=trials)
    assert first(polluted) == "outliers"
    assert first(replace(polluted, spike=Spike(900.0, "bn", share=0.5))) == "small-batch"


def test_small_batch_needs_its_control() -> None:
    trials = [Trial("batch", score(0.4), batch_size=64)]
    small = replace(WORSE, norms=[replace(NORM, initial_weight=0.0)], batch_size=2, trials=trials)
    assert first(small) == "small-batch"
    assert first(replace(small, trials=[*trials, RE_ESTIMATED])) == "stale"
