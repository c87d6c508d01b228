"""The evidence of a run or a recording, in the one form that the rules of all causes read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from repro.base.text import percent, rounded
from repro.explain.criteria import GAP, LOSS_RATIO, LOSS_SHARE
from repro.explain.sentences import NO_BATCH_NORM
from repro.runs.verdict import ROUND_OFF

TrialKind = Literal[
    "re-estimated",
    "debiased",
    "momentum",
    "own-momentum",
    "batch",
    "shuffled",
    "stochastic",
    "quiet",
    "permutation",
    "scale",
    "channels",
    "affine",
    "inverted",
    "statistics-of-fit",
]


@dataclass(frozen=True)
class Score:
    """What one forward pass gave. `right`: share of right answers; None for outputs that are no classes."""

    right: float | None
    loss: float | None
    samples: int = 0
    batch_size: int | None = None


@dataclass(frozen=True)
class Trial:
    """A forward pass at the final weights with one thing changed.

    `before`: plain inference on the same samples (None: that of the set). `random_layers`: whether dropout and the like
    were on. `renamed`: output class i means label renamed[i]. `without`: name of a sample that was left out. `of`: the
    input that was changed, where there are several.
    """

    kind: TrialKind
    score: Score
    before: Score | None = None
    momentum: float | None = None
    batch_size: int | None = None
    random_layers: bool = False
    factor: float | None = None
    offset: float = 0.0
    renamed: Sequence[int] = ()
    without: str = ""
    of: str = ""


@dataclass(frozen=True)
class Norm:
    """A layer with moving statistics, as training left it.

    `updates`: as counted, None if that could not be seen. `moved` False: it still has what it had before training.
    `from_initial` False: what the averages began with were values of an earlier training, not the initial ones.
    `initial_weight`: of the initial values in its averages; `initial_share`: their largest share of a channel's
    variance. `variance_left`: of the initial distance to the batch's variance. `calls_apart`: how far the inputs of its
    calls lie apart, in deviations. `deviation_ratio`: of the batch to the moving statistics.
    """

    name: str
    momentum: float | None = None
    updates: float | None = None
    calls: int | None = None
    trainable: bool | None = None
    moved: bool | None = None
    is_initial: bool = False
    from_initial: bool | None = None
    initial_weight: float | None = None
    initial_share: float | None = None
    variance_left: float | None = None
    distance: float | None = None
    spread: float | None = None
    debiased: bool = False
    calls_apart: float | None = None
    deviation_ratio: float | None = None


@dataclass(frozen=True)
class Channel:
    """Mean and deviation of one channel of the inputs; `of`: the input, where there are several."""

    mean: float
    deviation: float
    of: str = ""


@dataclass(frozen=True)
class Inputs:
    """Figures of the inputs of one set of samples; None: not known.

    `colourfulness`: mean deviation between the channels of a pixel. `classes`: samples of each class.
    """

    channels: Sequence[Channel] = ()
    mean: float | None = None
    deviation: float | None = None
    colourfulness: float | None = None
    classes: dict[str, int] | None = None
    is_complete: bool = True
    farthest_deviations: float | None = None


@dataclass(frozen=True)
class OtherWeights:
    """How the variables of a later call compare with those that training left."""

    trainable: int
    other_trainable: int
    moving: int
    other_moving: int
    initial_moving: int
    is_equal: bool


@dataclass(frozen=True)
class Order:
    """How the rows of a later call compare with an earlier pass over data."""

    rows: int
    common: int
    is_same_order: bool
    is_same_source: bool


@dataclass(frozen=True)
class Other:
    """Samples that were not trained on, or trained ones in a later call of the program."""

    what: str
    score: Score
    is_call: bool = False
    inputs: Inputs = Inputs()
    trials: Sequence[Trial] = ()
    weights: OtherWeights | None = None
    orders: Sequence[Order] = ()
    source: str | None = None

    def trials_of(self, kind: TrialKind) -> Iterator[Trial]:
        """Yield the trials of a kind that were made on these samples."""
        return (trial for trial in self.trials if trial.kind == kind)


@dataclass(frozen=True)
class Alone:
    """Samples answered one at a time in inference phase, beside the same samples in batches.

    `changed`: share that gets another class; None for outputs that are no classes. `distance`: of the outputs, in
    deviations. `layer`: the first one whose output changes. `is_drawn`: it changes whenever the same samples
    pass again, since an earlier layer draws random numbers.
    """

    samples: int
    changed: float | None
    distance: float | None = None
    right: float | None = None
    layer: str | None = None
    is_norm: bool = True
    distance_at_layer: float | None = None
    is_drawn: bool = False


@dataclass(frozen=True)
class Spike:
    """A batch whose variance is far above the others'. `sample`: the one that it rests on; `step` of training.

    `share`: of all batches that stand out as far as four times the variance of the median; None if not known.
    """

    ratio: float
    layer: str
    step: int | None = None
    sample: str | None = None
    samples_far_out: Sequence[str] = ()
    share: float | None = None
    sample_figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class NotFinite:
    """The first value that is not finite."""

    what: str
    epoch: int | None = None
    step: int | None = None
    fit: int | None = None
    layer: str | None = None
    variables: Sequence[str] = ()
    data: str | None = None
    data_count: int = 0
    data_row: int | None = None


@dataclass(frozen=True)
class Head:
    """The last layer, the loss and the labels."""

    activation: str | None
    units: int | None
    loss: str
    from_logits: bool | None = None
    label_kind: str | None = None
    label_classes: int | None = None
    target_minimum: float | None = None
    target_maximum: float | None = None


@dataclass(frozen=True)
class Steps:
    """What steps did to the weights. `constant_layer`: the first one that gives the same for every sample.

    `frozen_share`: of the parameters, in layers that are not trainable.
    """

    count: int = 0
    trainable: int | None = None
    unchanged: int | None = None
    learning_rate: float | None = None
    update_ratio: float | None = None
    constant_layer: str | None = None
    frozen_share: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """All that a diagnosis rests on.

    `training`: in training phase, on the samples as they were trained on; `in_order`: the same in the order of the
    data where that is another one; `earlier`: inference after epochs before the last one. `order` and `random`: names
    of all layers, and of those that draw random numbers. `drawing`: the first layer that draws them in inference, too.
    `compared_layers`: how many layers were looked at in both phases. `problem`: why there is no loss.
    `why_no_norms`: of a model without moving statistics.
    """

    inference: Score | None
    training: Score | None
    samples: str = "samples of fit"
    in_order: Score | None = None
    earlier: Sequence[tuple[int, Score]] = ()
    losses: Sequence[float] = ()
    norms: Sequence[Norm] = ()
    are_norms_known: bool = True
    why_no_norms: str = NO_BATCH_NORM
    batch_size: int | None = None
    trials: Sequence[Trial] = ()
    others: Sequence[Other] = ()
    calls: Sequence[Other] = ()
    inputs: Inputs = Inputs()
    order: Sequence[str] = ()
    random: Sequence[str] = ()
    first_apart: str | None = None
    drawing: str | None = None
    compared_layers: int = 0
    problem: str | None = None
    purity: float | None = None
    alone: Alone | None = None
    spike: Spike | None = None
    not_finite: NotFinite | None = None
    head: Head | None = None
    steps: Steps = Steps()
    why_unmeasured: str = ""
    why_untried: str = ""

    # --- qualities: shares of right answers if there are classes, else losses ---

    @property
    def by_right(self) -> bool:
        """Whether the outputs are classes."""
        measured = [score for score in (self.inference, self.training) if score is not None]
        return bool(measured) and all(score.right is not None for score in measured)

    def quality(self, score: Score | None) -> float | None:
        """Return the share of right answers, or the loss of a program without classes; None if there is neither."""
        if score is None:
            return None
        return score.right if self.by_right else score.loss

    def differs(self, score: Score | None, reference: Score | None) -> bool:
        """Return whether two scores differ by more than noise; False if one was not measured."""
        return self.is_better(score, reference) or self.is_better(reference, score)

    def agrees(self, score: Score | None, reference: Score | None) -> bool:
        """Return whether two scores were measured and do not differ."""
        both = self.quality(score) is not None and self.quality(reference) is not None
        return both and not self.differs(score, reference)

    def is_better(self, score: Score | None, reference: Score | None) -> bool:
        """Return whether `score` is better than `reference` by more than noise."""
        quality, other = self.quality(score), self.quality(reference)
        if quality is None or other is None:
            return False
        if self.by_right:
            return quality - other >= GAP - ROUND_OFF
        return self._is_smaller(quality, other)

    def _is_smaller(self, loss: float, other: float) -> bool:
        if not math.isfinite(loss):
            return False
        if not math.isfinite(other):
            return True
        return other - loss >= max(LOSS_SHARE * self.first_loss, (LOSS_RATIO - 1) * abs(loss))

    def differs_in_loss(self, score: Score | None, reference: Score | None) -> bool:
        """Return whether two losses differ by more than noise, whatever the shares of right answers are."""
        if score is None or reference is None or score.loss is None or reference.loss is None:
            return False
        return self._is_smaller(score.loss, reference.loss) or self._is_smaller(reference.loss, score.loss)

    @property
    def first_loss(self) -> float:
        """The loss of the first epoch, as a measure of what a difference of losses means; 0 if it is not finite."""
        first = self.losses[0] if self.losses else math.nan
        return abs(first) if math.isfinite(first) else 0.0

    @property
    def best(self) -> Score | None:
        """The better one of both phases."""
        return self.training if self.is_better(self.training, self.inference) else self.inference

    # --- layers ---

    @property
    def moved_norms(self) -> list[Norm]:
        """Layers whose moving statistics changed; the others keep what they had, whatever their momentum."""
        return [norm for norm in self.norms if norm.moved is not False]

    # --- trials ---

    def trials_of(self, kind: TrialKind) -> Iterator[Trial]:
        """Yield the trials of a kind that were made on the samples of training."""
        return (trial for trial in self.trials if trial.kind == kind)

    def trial(self, kind: TrialKind) -> Trial | None:
        """Return the first trial of a kind, or None if none was made."""
        return next(self.trials_of(kind), None)

    def re_estimated(self, *, random_layers: bool | None = None, is_larger: bool | None = None) -> Trial | None:
        """Return the trial with re-estimated statistics of all samples, or None if it was not made.

        `random_layers`: with or without them. `is_larger`: in batches that are larger than those of training.
        """
        for trial in self.trials_of("re-estimated"):
            larger = bool(trial.batch_size and self.batch_size and trial.batch_size > self.batch_size)
            if trial.without or (random_layers is not None and trial.random_layers != random_layers):
                continue
            if is_larger is None or larger == is_larger:
                return trial
        return None

    def works(self, trial: Trial | None, before: Score | None = None, best: Score | None = None) -> bool:
        """Return whether a trial is better than what was before, and as good as the best that was seen."""
        if trial is None:
            return False
        return self.improves(trial, before) and not self.is_better(best or self.best, trial.score)

    def improves(self, trial: Trial | None, before: Score | None = None) -> bool:
        """Return whether a trial is better than plain inference on the same samples."""
        return trial is not None and self.is_better(trial.score, trial.before or before or self.inference)

    # --- in words ---

    def say(self, score: Score | None) -> str:
        """Return a quality in words: `93.8 % right`, or `loss 0.25`."""
        quality = self.quality(score)
        if quality is None:
            return "not measured"
        return f"{percent(quality)} right" if self.by_right else f"loss {rounded(quality)}"

    @property
    def phases(self) -> str:
        """Both phases in words."""
        return f"{self.say(self.training)} in training phase, {self.say(self.inference)} in inference"
