"""What a traced run is asked, and which momentum is advised."""

from __future__ import annotations

from dataclasses import replace

from repro.explain import asked_trials
from repro.explain.causes.evidence import (
    NotFinite,
    Trial,
)
from repro.explain.causes.ranking import judge
from tests.support.evidence import (
    FEW,
    GOOD,
    SMALL,
    UNTOUCHED,
    WILD,
    WRONG,
    re_estimated,
    score,
)


def test_the_momentum_that_is_advised_converges() -> None:
    assert judge(FEW)[0].numbers["lower_momentum"] == 0.92
    assert 0.92**60 < 0.01
    assert [trial.momentum for trial in asked_trials.planned(FEW) if trial.kind == "momentum"] == [0.92]


def test_a_traced_run_is_asked_only_what_was_not_tried_and_matters() -> None:
    assert [trial.kind for trial in asked_trials.planned(FEW)] == [
        "momentum",
        "debiased",
        "re-estimated",
        "re-estimated",
    ]
    tried = replace(FEW, trials=[Trial("debiased", score(1.0)), re_estimated(1.0)])
    assert [trial.kind for trial in asked_trials.planned(tried)] == ["momentum"]
    far = replace(tried, spike=replace(WILD, samples_far_out=["x.png", "y.png"]))
    assert asked_trials.planned(far)[-1].without == "x.png, y.png"
    for evidence in (GOOD, SMALL, replace(WRONG, norms=[UNTOUCHED]), replace(FEW, not_finite=NotFinite("loss"))):
        assert asked_trials.planned(evidence) == []


def test_epochs_before_the_last_one_are_among_the_figures() -> None:
    numbers = judge(replace(FEW, earlier=[(5, score(0.25)), (10, score(0.75))]))[0].numbers
    assert [numbers[f"inference_accuracy_after_epoch_{epoch}"] for epoch in (5, 10)] == [0.25, 0.75]
