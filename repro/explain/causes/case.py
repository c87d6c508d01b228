"""The evidence of a recording as the rules read it: what was right where, and what each trial gave."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from repro.base import arrays
from repro.base.errors import InputError
from repro.base.text import percent, rounded
from repro.explain.criteria import GAP
from repro.runs import recorded_events as recorded
from repro.runs import recorded_values
from repro.runs.progress import Progress
from repro.runs.recorded_progress import FitEvidence, RecordedProgress
from repro.runs.verdict import ROUND_OFF

Cause = Literal[
    "not-converged",
    "never-updated",
    "stale",
    "outliers",
    "small-batch",
    "mixed-domains",
    "batch-dependent",
    "frozen",
    "stochastic-layers",
    "preprocessing",
    "label-order",
    "unseen-classes",
    "overfitting",
    "output-and-loss",
    "not-learning",
    "non-finite",
    "no-discrepancy",
    "cannot-be-told",
]
PROVED = "proved on this run"
CONSISTENT = "consistent with this run"

# Losses differ when one is half as much again as the other, and by a twentieth of the loss of the first epoch.
LOSS_RATIO = 1.5
LOSS_SHARE = 0.05
# Fewer samples say too little for a claim about their share.
FEWEST_SAMPLES = 8


@dataclass(frozen=True)
class TrialRow:
    """What a trial gave, as `repro diagnose --json` prints it; shares are None for outputs that are no classes."""

    says: str
    accuracy: float | None
    right: int | None
    of: int
    before: int | None
    loss: float | None
    loss_before: float | None
    works: bool


@dataclass(frozen=True)
class RecordedFinding:
    """One cause with the figures it rests on, what to do, and what the trials made in the program gave."""

    cause: Cause
    says: str
    numbers: dict[str, float | int | str | None]
    remedy: str
    trials: list[TrialRow] = field(default_factory=list)


Figures = recorded.Measured | recorded.TrialMade


class Case:
    """One recording's evidence. Qualities are shares of right answers if there are classes, else losses."""

    def __init__(self, progress: Progress, recording: RecordedProgress, fit: FitEvidence, folder: Path) -> None:
        self.progress = progress
        self.recording = recording
        self.fit = fit
        self.folder = folder
        self.inference = fit.figures("inference")
        self.training = fit.figures("training")
        self.fingerprint = progress.fingerprint
        measured = [figures for figures in (self.inference, self.training) if figures is not None]
        self.by_right = bool(measured) and all(figures.right is not None for figures in measured)

    # Qualities.

    def quality(self, figures: Figures | None) -> float | None:
        """Return the share of right answers, or the loss of a program without classes; None if there is neither."""
        value = None if figures is None else figures.right if self.by_right else figures.loss
        return None if value is None else float(value)

    def differs(self, figures: Figures | None, reference: Figures | None) -> bool:
        """Return whether two figures differ by more than noise; False if one was not measured."""
        return self.is_better(figures, reference) or self.is_better(reference, figures)

    def agrees(self, figures: Figures | None, reference: Figures | None) -> bool:
        """Return whether two figures were measured and do not differ."""
        both = self.quality(figures) is not None and self.quality(reference) is not None
        return both and not self.differs(figures, reference)

    def is_better(self, figures: Figures | None, reference: Figures | None) -> bool:
        """Return whether `figures` are better than `reference` by more than noise."""
        quality, other = self.quality(figures), self.quality(reference)
        if quality is None or other is None:
            return False
        if self.by_right:
            return quality - other >= GAP - ROUND_OFF
        if not math.isfinite(quality):
            return False
        if not math.isfinite(other):
            return True
        return other - quality >= max(LOSS_SHARE * self.first_loss, (LOSS_RATIO - 1) * abs(quality))

    @functools.cached_property
    def first_loss(self) -> float:
        """The loss of the first epoch, as a measure of what a difference of losses means; 0 if it is not finite."""
        first = float(self.progress.loss[0]) if self.progress.loss else math.nan
        return abs(first) if math.isfinite(first) else 0.0

    @property
    def best(self) -> Figures | None:
        """The better one of both phases on the samples of fit."""
        return self.training if self.is_better(self.training, self.inference) else self.inference

    @property
    def samples(self) -> int:
        """How many samples of fit were measured."""
        return 0 if self.inference is None else self.inference.samples or 0

    # The model.

    @property
    def norms(self) -> Sequence[recorded_values.MovingStatistics]:
        """The layers with moving statistics, as fit left them."""
        return (self.fit.ended.batch_norm or []) if self.fit.ended is not None else []

    @property
    def moved_norms(self) -> list[recorded_values.MovingStatistics]:
        """Those whose moving statistics changed in the fit; the others keep what they had, whatever their momentum."""
        return [norm for norm in self.norms if norm.moved is not False]

    @property
    def layer_phases(self) -> recorded.LayerPhasesMeasured | None:
        """How far the layers' outputs in different passes of the samples of fit are apart; None if not measured."""
        return next((event for event in self.fit.phases if event.set_ == "fit"), None)

    @property
    def first_apart(self) -> str | None:
        """Name of the first layer whose outputs differ between the phases; None if none does, or none was looked at."""
        phases = self.layer_phases
        if phases is None or phases.first is None or phases.first >= len(phases.layers or []):
            return None
        return (phases.layers or [])[phases.first].name

    @property
    def stochastic(self) -> list[str]:
        """Names of the layers that draw random numbers in training: dropout, noise, augmentation."""
        names = self.fingerprint.get("stochastic")
        return [str(name) for name in names] if isinstance(names, list) else []

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The model's layers in their order, as the fingerprint lists them."""
        layers = self.fingerprint.get("list")
        return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The model's last layers: activation, units, shape."""
        outputs = self.fingerprint.get("outputs")
        return [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []

    @property
    def batch_size(self) -> int | None:
        """Samples of one step in training."""
        return self.fit.started.batch_size or (self.training.batch_size if self.training is not None else None)

    @property
    def data(self) -> recorded_values.Data | None:
        """What the fit was given, as far as it was seen."""
        ended = self.fit.ended
        return ended.data if ended is not None and ended.data is not None else self.fit.started.data

    @property
    def validation_data(self) -> recorded_values.Data | None:
        """What the fit was given for validation."""
        ended = self.fit.ended
        return ended.validation if ended is not None and ended.validation is not None else self.fit.started.validation

    # Trials.

    def trial(
        self, kind: str, which: recorded_values.SampleSet = "fit", call: int | None = None
    ) -> recorded.TrialMade | None:
        """Return the trial of a kind, or None if it was not made."""
        return next(self.fit.trials_of(kind, which, call), None)

    def momentum_trials(self) -> Iterator[recorded.TrialMade]:
        """Yield the replays at other momenta, if the replay at the layers' own agrees with what was measured."""
        own = self.trial("own-momentum")
        if own is not None and self.agrees(own, self.inference):
            yield from self.fit.trials_of("momentum")

    def works(self, trial: recorded.TrialMade | None, before: Figures | None, best: Figures | None) -> bool:
        """Return whether a trial is better than `before`, and as good as `best`."""
        return self.is_better(trial, before) and not self.is_better(best, trial)

    def row(
        self, says: str, trial: recorded.TrialMade, before: Figures | None, best: Figures | None, samples: int
    ) -> TrialRow:
        """Return a trial as a row of a finding."""
        share = None if trial.right is None else float(trial.right)
        before_share = None if before is None or before.right is None else float(before.right)
        return TrialRow(
            says=says,
            accuracy=share,
            right=None if share is None else round(share * samples),
            of=samples,
            before=None if before_share is None else round(before_share * samples),
            loss=None if trial.loss is None else float(trial.loss),
            loss_before=None if before is None or before.loss is None else float(before.loss),
            works=self.works(trial, before, best),
        )

    # Figures and words.

    def numbers(self, confidence: str, **more: float | int | str | None) -> dict[str, float | int | str | None]:
        """Return a finding's numbers: both phases, its confidence, and `more`."""
        shown: dict[str, float | int | str | None] = {"confidence": confidence}
        for name, figures in (("inference", self.inference), ("training_phase", self.training)):
            if figures is not None:
                kind = "accuracy" if self.by_right else "loss"
                shown[f"{name}_{kind}"] = self.quality(figures)
        return shown | more

    def said(self, figures: Figures | None) -> str:
        """Return a quality in words: `93.8 % right`, or `loss 0.25`."""
        quality = self.quality(figures)
        if quality is None:
            return "not measured"
        return f"{percent(quality)} right" if self.by_right else f"loss {rounded(quality)}"

    @property
    def phases(self) -> str:
        """Both phases in words."""
        return f"{self.said(self.training)} in training phase, {self.said(self.inference)} in inference phase"

    def array(self, name: str | None) -> NDArray[Any] | None:
        """Read an array of the recording; None if it is not there or damaged."""
        if name is None:
            return None
        try:
            return np.array(arrays.read(self.folder / name))
        except (InputError, ValueError, OSError):
            return None


def classes_of(outputs: NDArray[Any] | None) -> NDArray[Any] | None:
    """Return the class that each row of outputs (samples, classes) or (samples, 1) means; None for other shapes."""
    if outputs is None or outputs.ndim not in (1, 2) or not len(outputs):
        return None
    table = outputs.reshape(len(outputs), -1)
    if table.shape[1] > 1:
        return np.asarray(table.argmax(1))
    is_probability = float(table.min()) >= 0.0 and float(table.max()) <= 1.0
    return np.asarray(table[:, 0] > (0.5 if is_probability else 0.0)).astype(int)
