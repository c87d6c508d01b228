"""The rules of all causes, on evidence that is given; tests/real has it from real runs."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import pytest

from repro.explain.causes.evidence import (
    Alone,
    Evidence,
    Head,
    NotFinite,
    Order,
    Other,
    Score,
    Steps,
    Trial,
)
from repro.explain.causes.ranking import judge
from tests.support.evidence import (
    CALM,
    FEW,
    GOOD,
    GREY,
    PLAIN,
    RAW,
    RENAMED,
    REVERSED,
    SCALED,
    SHIFTED,
    SMALL,
    UNTOUCHED,
    USELESS,
    WILD,
    WRONG,
    YOUNG,
    batch,
    coloured,
    re_estimated,
    score,
    validation,
)

CASES: dict[str, tuple[Evidence, list[str], str]] = {
    "all right": (GOOD, ["no-discrepancy"], "95 % right on 60 of validation"),
    "no validation": (replace(GOOD, others=[]), ["no-discrepancy"], "100 % right in both phases"),
    "few updates": (FEW, ["not-converged"], "still weigh 54.7 %; after 459 updates"),
    "momentum 1": (
        replace(FEW, norms=[replace(YOUNG, momentum=1.0, initial_weight=1.0)]),
        ["not-converged"],
        "they never get there",
    ),
    "few updates, taken out": (replace(FEW, trials=[Trial("debiased", score(1.0))]), ["not-converged"], "54.7 %"),
    "few updates, and nothing helps": (
        replace(FEW, trials=[Trial("debiased", score(0.5)), re_estimated(0.5)]),
        ["cannot-be-told"],
        "other moving statistics do not change that",
    ),
    "variance below one": (
        replace(WRONG, norms=[replace(CALM, initial_share=0.5)], trials=[Trial("debiased", score(1.0))]),
        ["not-converged"],
        "are up to 50 % of a variance",
    ),
    "never updated": (
        replace(WRONG, norms=[UNTOUCHED], trials=[re_estimated(1.0)]),
        ["never-updated"],
        "no update reached them",
    ),
    "frozen": (
        replace(WRONG, norms=[replace(UNTOUCHED, trainable=False)], trials=[re_estimated(1.0)]),
        ["frozen"],
        "trainable=False",
    ),
    "never updated, but that is not why": (
        replace(WRONG, norms=[UNTOUCHED], trials=[re_estimated(0.5)]),
        ["cannot-be-told"],
        "",
    ),
    "another layer was never updated": (
        replace(WRONG, norms=[UNTOUCHED, YOUNG], first_apart="other", trials=[Trial("debiased", score(1.0))]),
        ["not-converged"],
        "",
    ),
    "stale": (replace(WRONG, trials=[re_estimated(1.0), Trial("debiased", score(0.5))]), ["stale"], "lag behind"),
    "stale, zero-debiased": (
        replace(WRONG, norms=[replace(CALM, initial_weight=0.0, debiased=True)], trials=[re_estimated(1.0)]),
        ["stale"],
        "zero-debiased",
    ),
    "an outlier in its pixels": (
        replace(WRONG, spike=replace(WILD, samples_far_out=["x.png"])),
        ["outliers"],
        "it rests on x.png",
    ),
    "an outlier that was left out": (
        replace(
            WRONG, spike=replace(WILD, sample="x.png"), trials=[re_estimated(0.5), re_estimated(1.0, without="x.png")]
        ),
        ["outliers"],
        "it rests on x.png",
    ),
    "a wild batch, and no image accounts for it": (replace(WRONG, spike=WILD), ["cannot-be-told"], ""),
    "few updates and an outlier": (
        replace(
            FEW,
            spike=replace(WILD, sample="x.png"),
            trials=[re_estimated(0.5), re_estimated(1.0, without="x.png"), Trial("debiased", score(1.0))],
        ),
        ["outliers", "not-converged"],
        "",
    ),
    "wild, but no discrepancy": (replace(GOOD, spike=WILD), ["no-discrepancy"], ""),
    "small batch": (SMALL, ["small-batch"], "70 % right in batches of 2, 93 % right in batches of 32"),
    "small batch, all right": (replace(SMALL, inference=score(1.0)), ["no-discrepancy"], "training reports is noisy"),
    "batch of 16, and larger ones right": (
        replace(SMALL, batch_size=16, trials=[batch(0.93, 64)]),
        ["small-batch"],
        "in batches of 16",
    ),
    "batch of 16, and larger ones wrong": (
        replace(WRONG, batch_size=16, trials=[batch(0.5, 64)]),
        ["cannot-be-told"],
        "",
    ),
    "batches of 4 of one class each": (
        replace(WRONG, batch_size=4, purity=0.5, trials=[batch(0.5, 32)]),
        ["mixed-domains"],
        "each batch holds mostly one class",
    ),
    "only the loss differs": (
        replace(GOOD, inference=score(1.0, 0.4), training=score(1.0, 0.01)),
        ["no-discrepancy"],
        "only the loss differs: 0.01 in training phase, 0.4 in inference",
    ),
    "dropout, and the size of the batch does not matter": (
        replace(
            SMALL,
            batch_size=16,
            random=["dropout"],
            trials=[batch(0.92, 16), batch(0.93, 64), Trial("stochastic", score(0.7))],
        ),
        ["stochastic-layers"],
        "no fault",
    ),
    "dropout, and batches that are too small": (
        replace(SMALL, random=["dropout"], trials=[batch(0.7, 2), batch(0.93, 32)]),
        ["small-batch"],
        "70 % right in batches of 2",
    ),
    "small batch, not tried": (replace(SMALL, trials=[]), ["cannot-be-told"], "inference phase is the better one"),
    "small batch, larger ones alike": (replace(SMALL, trials=[batch(0.7, 32)]), ["cannot-be-told"], ""),
    "small batch, but stale": (
        replace(WRONG, batch_size=8, trials=[batch(1.0, 32), re_estimated(1.0)]),
        ["stale"],
        "",
    ),
    "shared layer": (
        replace(
            WRONG,
            norms=[replace(CALM, calls=2, calls_apart=2.5)],
            trials=[re_estimated(0.5), batch(1.0, 32), Trial("debiased", score(0.5))],
        ),
        ["mixed-domains"],
        "called 2 times in a step, whose inputs lie 2.5 deviations apart",
    ),
    "shared layer, like inputs": (
        replace(WRONG, norms=[replace(CALM, calls=2, calls_apart=0.1)], trials=[re_estimated(0.5), batch(1.0, 32)]),
        ["cannot-be-told"],
        "",
    ),
    "unshuffled classes": (
        replace(WRONG, purity=0.5, trials=[Trial("shuffled", score(0.5), batch_size=10)]),
        ["mixed-domains"],
        "each batch holds mostly one class",
    ),
    "dropout before the layer": (
        replace(WRONG, random=["dropout"], trials=SHIFTED),
        ["stochastic-layers"],
        "dropout comes before",
    ),
    "dropout, but stale": (
        replace(WRONG, random=["dropout"], trials=[re_estimated(1.0, random_layers=True), re_estimated(1.0)]),
        ["stale"],
        "",
    ),
    "dropout lowers fit's figure": (
        replace(GOOD, training=score(0.7), random=["dropout"], trials=[Trial("quiet", score(1.0))]),
        ["stochastic-layers"],
        "no fault",
    ),
    "alone": (
        replace(GOOD, alone=Alone(32, 0.5, layer="bn")),
        ["batch-dependent"],
        "16 of 32 samples are answered otherwise",
    ),
    "alone as together": (replace(GOOD, alone=Alone(32, 0.0, distance=0.0)), ["no-discrepancy"], ""),
    "divided by 255 in fit only": (
        replace(WRONG, norms=[RAW], trials=[SCALED, re_estimated(1.0)]),
        ["preprocessing"],
        "which a scale of 255 explains",
    ),
    "raw, but the scale is not why": (
        replace(WRONG, norms=[RAW], trials=[replace(SCALED, score=score(0.5)), re_estimated(1.0)]),
        ["stale"],
        "",
    ),
    "not finite": (
        replace(WRONG, not_finite=NotFinite("moving_variance", 3, layer="bn")),
        ["non-finite"],
        "the moving variance of bn is not a number or infinite from epoch 3 on",
    ),
    "overfitting": (replace(GOOD, others=validation(0.6)), ["overfitting"], "60 % right in validation"),
    "overfitting, renaming is no help": (
        replace(GOOD, others=validation(0.6, USELESS)),
        ["overfitting"],
        "no change of the inputs or of the classes' order",
    ),
    "too few to say so": (replace(GOOD, others=validation(0.75, samples=4)), ["no-discrepancy"], ""),
    "both phases apart, so no overfitting": (
        replace(FEW, others=validation(0.2)),
        ["not-converged"],
        "",
    ),
    "classes exchanged": (
        replace(GOOD, others=validation(0.3, RENAMED)),
        ["label-order"],
        "98 % right where 0 means 1, 1 means 0",
    ),
    "classes exchanged, as chance may have it": (
        replace(
            GOOD,
            inference=score(0.62),
            training=score(0.62),
            others=validation(0.36, Trial("permutation", score(0.64), renamed=[1, 0])),
        ),
        ["cannot-be-told"],
        "",
    ),
    "red and blue exchanged": (
        replace(GOOD, others=validation(0.3, RENAMED, REVERSED)),
        ["preprocessing", "label-order"],
        "its channels in reverse order",
    ),
    "not scaled": (
        replace(GOOD, others=validation(0.5, inputs=coloured(0.4, 0.2))),
        ["preprocessing"],
        "mean 120 and deviation 40 in fit, 0.4 and 0.2 in validation",
    ),
    "somewhat brighter": (replace(GOOD, others=validation(0.5, inputs=coloured(165.0))), ["cannot-be-told"], ""),
    "grey": (
        replace(
            GOOD,
            inputs=replace(GREY, colourfulness=20.0),
            others=validation(0.5, inputs=replace(GREY, colourfulness=0.0)),
        ),
        ["preprocessing"],
        "the samples of validation are grey",
    ),
    "classes unseen": (
        replace(GOOD, others=validation(0.5, inputs=replace(GREY, classes={"1": 30, "2": 30}))),
        ["unseen-classes"],
        "(2; 50 % of its samples)",
    ),
    "shuffled predict": (
        replace(GOOD, calls=[Other("predict", score(1.0), True, orders=[Order(60, 60, False, True)])]),
        ["label-order"],
        "another order on each pass",
    ),
    "softmax over one unit": (
        replace(GOOD, inference=score(0.5), training=score(0.5), head=Head("softmax", 1, "binary_crossentropy")),
        ["output-and-loss"],
        "softmax over one unit is always 1",
    ),
    "a learning rate of 0": (
        replace(
            GOOD,
            inference=score(0.5),
            training=score(0.5),
            losses=[0.7, 0.7],
            steps=Steps(count=600, learning_rate=0.0),
        ),
        ["not-learning"],
        "the learning rate is 0",
    ),
    "frozen layers, which are not measured": (
        replace(GOOD, norms=[], first_apart=None, why_no_norms="the BatchNormalization layers are frozen"),
        ["no-discrepancy"],
        "; the BatchNormalization layers are frozen",
    ),
    "the loss stands still": (
        replace(GOOD, inference=score(0.5), training=score(0.5), losses=[0.7, 0.7, 0.7]),
        ["not-learning"],
        "the loss does not move",
    ),
    "not learned": (
        replace(GOOD, inference=score(0.5), training=score(0.55), others=[]),
        ["no-discrepancy"],
        "not learned",
    ),
    "nine of ten, as float32": (
        replace(GOOD, inference=score(0.8999999761581421), training=score(0.9)),
        ["no-discrepancy"],
        "90 % right in both phases",
    ),
    "a tenth apart, as float32": (
        replace(FEW, inference=score(0.800000011920929), training=score(0.9)),
        ["not-converged"],
        "still weigh 54.7 %",
    ),
    "unexplained": (WRONG, ["cannot-be-told"], "100 % right in training phase, 50 % right in inference"),
    "no BatchNormalization": (replace(GOOD, **PLAIN), ["no-discrepancy"], "has no BatchNormalization layers"),
    "dropout alone": (replace(WRONG, **PLAIN), ["cannot-be-told"], "no BatchNormalization layers"),
    "not measured": (replace(GOOD, training=None), ["cannot-be-told"], "the two phases were not measured"),
}


@pytest.mark.parametrize("case", CASES)
def test_rules(case: str) -> None:
    evidence, causes, words = CASES[case]
    findings = judge(evidence)
    assert [finding.cause for finding in findings] == causes
    assert words in findings[0].says


def as_regression(evidence: Evidence) -> Evidence:
    """The same with losses in place of shares: 1 minus the share, and a first loss of 1."""

    def lossy(one: Score | None) -> Score | None:
        return None if one is None else Score(None, 1.02 - (one.right or 0.0), one.samples, one.batch_size)

    def tried(trials: Any) -> list[Trial]:
        return [replace(trial, score=lossy(trial.score) or trial.score) for trial in trials]

    others = [replace(one, score=lossy(one.score) or one.score, trials=tried(one.trials)) for one in evidence.others]
    return dataclasses.replace(
        evidence,
        inference=lossy(evidence.inference),
        training=lossy(evidence.training),
        trials=tried(evidence.trials),
        others=others,
        losses=[1.0, 0.1],
    )


REGRESSIONS = (
    "few updates",
    "few updates, taken out",
    "variance below one",
    "never updated",
    "frozen",
    "stale",
    "shared layer",
    "dropout before the layer",
    "divided by 255 in fit only",
    "overfitting",
    "red and blue exchanged",
)


@pytest.mark.parametrize("case", REGRESSIONS)
def test_without_classes_the_loss_decides(case: str) -> None:
    evidence, causes, _ = CASES[case]
    findings = judge(as_regression(evidence))
    assert [finding.cause for finding in findings] == causes
    assert "loss" in findings[0].says and "right" not in findings[0].says


# Causes whose trials show what is wrong, and not what would be right.
NOTHING_TO_ADVISE = ("mixed-domains", "overfitting", "preprocessing", "small-batch", "stochastic-layers")


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_advised_that_was_seen_to_fail(case: str) -> None:
    for finding in judge(CASES[case][0]):
        works = any(trial.works for trial in finding.trials)
        assert "seen to work" not in finding.remedy or works
        if finding.cause != "cannot-be-told" and finding.trials and not works:
            assert finding.cause in NOTHING_TO_ADVISE
