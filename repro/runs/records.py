"""The JSON files of a run directory, as types: run.json and result.json."""

from __future__ import annotations

import functools
import sys
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from repro.base.decoding import convert
from repro.runs.event_base import Count, Number, Seconds
from repro.runs.events import Probabilities
from repro.runs.ids import RECORDED
from repro.runs.recorded_record import Recorded
from repro.scenario.image_record import ImageRecord
from repro.scenario.script_record import ScriptRecord

FORMAT = 1

Verdict = Literal["REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE"]
State = Literal["running", "finished", "failed", "stopped", "interrupted", "damaged", "elsewhere"]
Outcome = Literal["held", "failed", "unknown", "skipped"]
Device = Literal["auto", "cpu", "gpu"]


class RunRecord(msgspec.Struct, frozen=True):
    """run.json: what was asked; written first, never changed."""

    format: int
    id: str
    scenario: str
    scenario_sha256: str
    environment: str
    lock_sha256: str
    seed: int
    device: Device
    threads: int
    deterministic: bool
    command: list[str]
    package_sha256: str
    started: Seconds
    images: list[ImageRecord]
    shipped_images: bool
    keep_weights: bool = False
    traced: bool = False
    package_version: str = ""
    commit: str | None = None
    drift: list[str] = []
    derived_from: str | None = None
    snapshot_epochs: list[int] | None = None
    # SHA-256 of model.py, the copy of the user's own model.
    model_sha256: str | None = None
    # Images that were never trained on; empty where the scenario names none.
    validation_images: list[ImageRecord] = []
    # Only in a recording: whose training it was. Its seed is not known; `seed` is 0.
    recorded: Recorded | UnsetType = UNSET
    # Only in a run of a script scenario: the program and its files.
    script: ScriptRecord | UnsetType = UNSET

    @property
    def is_recording(self) -> bool:
        """Whether a program trained, with the recorder in its process."""
        return self.recorded is not UNSET or self.script is not UNSET


class ClaimResult(msgspec.Struct, frozen=True):
    """A claim and its outcome; `measured` is None if nothing was measured."""

    id: str
    says: str
    value: str
    outcome: Outcome
    measured: Number | None
    expected: str

    def with_shared_text(self) -> ClaimResult:
        """Return an equal claim whose text is shared with equal claims: a screen keeps those of very many runs."""
        text = map(sys.intern, (self.id, self.says, self.value, self.outcome, self.expected))
        claim_id, says, value, outcome, expected = text
        return ClaimResult(claim_id, says, value, outcome, self.measured, expected)  # type: ignore[arg-type]


class Curves(msgspec.Struct, frozen=True):
    """What fit reports, one number an epoch; a recorded program may have no accuracy."""

    loss: list[Number]
    accuracy: list[Number]


class Evaluation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Loss and accuracy on some images; a recorded program may have no accuracy. `metrics`: its other figures."""

    loss: Number
    accuracy: Number | None
    metrics: dict[str, Number | None] | UnsetType = UNSET


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """Probabilities (images, classes) and what follows from them; no accuracy if the labels are unknown."""

    probabilities: Probabilities
    classes: list[int]
    accuracy: float | UnsetType | None = UNSET
    distinct_classes: int

    def __post_init__(self) -> None:
        if len(self.classes) != len(self.probabilities):
            raise ValueError("predict: classes and probabilities are not of as many images")


class Drift(msgspec.Struct, frozen=True):
    """Where the moving statistics are, compared with those of the batches."""

    updates: Count
    momentum: float
    initial_weight: float
    moving_to_batch_distance: Number | None


class Measurements(msgspec.Struct, frozen=True):
    """The shape of result.json's `measurements`, as readers rely on it; what was not measured is UNSET."""

    fit: Curves
    evaluate: Evaluation | UnsetType = UNSET
    # Only of a script scenario: the recorder's own measurement, where `evaluate` is the program's.
    inference: Evaluation | UnsetType = UNSET
    evaluate_training_phase: Evaluation | UnsetType = UNSET
    predict: Prediction | UnsetType = UNSET
    validation: Evaluation | UnsetType = UNSET
    batch_norm: Drift | UnsetType = UNSET
    weights_sha256: str | UnsetType = UNSET
    # Only of a script scenario: what its patterns found in the output.
    printed: dict[str, Number] | UnsetType = UNSET
    # Only of a script scenario: the last epoch's logs.
    logs: dict[str, Number] | UnsetType = UNSET

    def figure(self, name: str) -> Any:
        """Return what a dotted name such as `evaluate.loss` means; None if it was not measured."""
        group, _, key = name.partition(".")
        value = getattr(self, group)
        if key and value is not UNSET:
            if isinstance(value, dict):
                return value.get(key)
            is_metric = key not in value.__struct_fields__
            if is_metric and group == "fit":
                return None if self.logs is UNSET else self.logs.get(key)
            if is_metric:
                return None if value.metrics is UNSET else value.metrics.get(key)
            value = getattr(value, key)
        return None if value is UNSET else value


NOTHING_MEASURED = Measurements(Curves([], []))


class Result(msgspec.Struct, frozen=True, dict=True):
    """result.json: written last. `measurements` may hold figures that a later version added."""

    format: int
    run: str
    scenario: str
    environment: str
    seed: int
    state: State
    verdict: Verdict | None
    degraded: bool
    derived_from: str | None
    claims: list[ClaimResult]
    measurements: dict[str, Any]
    seconds: dict[str, Seconds]
    files: dict[str, str] = {}

    @functools.cached_property
    def figures(self) -> Measurements:
        """The measurements that this version knows."""
        return convert(self.measurements, Measurements)

    def __post_init__(self) -> None:
        """Raise ValueError (a decoder: msgspec.ValidationError) if readers could not rely on the measurements."""
        if self.state != "finished":
            raise ValueError(f"of a run that is {self.state}")
        self._require_curves(self.figures.fit)

    def _require_curves(self, fit: Curves) -> None:
        """Raise ValueError without one loss and accuracy an epoch; a recording may have no accuracy, or no epoch."""
        is_recording = self.environment == RECORDED or self.figures.printed is not UNSET
        if is_recording and not fit.accuracy:
            return
        if not fit.loss or len(fit.loss) != len(fit.accuracy):
            raise ValueError("fit: not one loss and one accuracy an epoch")
