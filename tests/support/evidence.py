"""Evidence as a run or a recording gives it, for the rules of a diagnosis: good, and with one thing wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from repro.explain.causes.evidence import (
    Channel,
    Evidence,
    Inputs,
    Norm,
    Other,
    Score,
    Spike,
    Steps,
    Trial,
)


def score(right: float, loss: float | None = None, samples: int = 60, batch_size: int | None = None) -> Score:
    return Score(right, loss, samples, batch_size)


def re_estimated(right: float, *, random_layers: bool = False, without: str = "") -> Trial:
    return Trial("re-estimated", score(right), batch_size=10, random_layers=random_layers, without=without)


def batch(right: float, size: int) -> Trial:
    return Trial("batch", score(right), batch_size=size)


GREY = Inputs([Channel(120.0, 40.0)], 120.0, 40.0, classes={"0": 30, "1": 30})
VALIDATION = Other("validation", score(0.95), inputs=GREY)
CALM = Norm("bn", momentum=0.99, updates=600, calls=1, moved=True, initial_weight=0.99**600, distance=0.02)
GOOD = Evidence(
    inference=score(1.0),
    training=score(1.0),
    samples="training images",
    losses=[0.7, 0.1, 0.01],
    norms=[CALM],
    batch_size=10,
    inputs=GREY,
    others=[VALIDATION],
    spike=Spike(1.3, "bn"),
    steps=Steps(count=600),
)
WRONG = replace(GOOD, inference=score(0.5), first_apart="bn")
YOUNG = replace(CALM, updates=60, initial_weight=0.99**60, distance=0.55)
FEW = replace(WRONG, norms=[YOUNG])
UNTOUCHED = replace(CALM, moved=False, is_initial=True)
WILD = Spike(50.0, "bn")
SMALL = replace(GOOD, batch_size=2, training=score(0.7), inference=score(0.92), trials=[batch(0.93, 32)])
PLAIN = {"norms": [], "first_apart": None}
SHIFTED = [re_estimated(0.5, random_layers=True), re_estimated(1.0)]
RAW = replace(CALM, deviation_ratio=255.0)
SCALED = Trial("scale", score(1.0), factor=1 / 255.0)


def validation(right: float, *trials: Trial, **more: Any) -> list[Other]:
    return [replace(VALIDATION, score=score(right, samples=more.pop("samples", 60)), trials=trials, **more)]


def coloured(mean: float, deviation: float = 40.0) -> Inputs:
    return Inputs([Channel(mean, deviation)], mean, deviation)


RENAMED = Trial("permutation", score(0.98), renamed=[1, 0])
REVERSED = Trial("channels", score(0.98))
USELESS = Trial("permutation", score(0.6), renamed=[1, 0])
