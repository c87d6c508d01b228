"""Reads the evidence of a recording: what the recorder measured and tried in the program itself."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from repro.base import arrays
from repro.base.errors import InputError
from repro.explain.causes.evidence import (
    Alone,
    Evidence,
    Head,
    Inputs,
    Norm,
    NotFinite,
    Order,
    Other,
    OtherWeights,
    Score,
    Spike,
    Steps,
    Trial,
    TrialKind,
)
from repro.explain.criteria import ALONE_DISTANCE, FEWEST_SAMPLES, OUTLIER_VARIANCE
from repro.explain.data_figures import bad_data, channels, classes_of, farthest, frozen_share, purity
from repro.runs import recorded_events as recorded
from repro.runs import recorded_values
from repro.runs.directory import RunDirectory
from repro.runs.event_base import Number
from repro.runs.progress import Progress
from repro.runs.recorded_progress import FitEvidence, RecordedProgress

WINDOW_STEPS = 10  # on each side of the step that is looked at
# The recorder's names of trials: but for these they are those of the evidence.
AS_TRAINED, MEDIAN = "re-estimated-as-trained", "re-estimated-median"
OUTLYING = "batches that stand out (median of batches)"
_KINDS: dict[str, TrialKind] = {kind: kind for kind in get_args(TrialKind)}
_KINDS |= {AS_TRAINED: "re-estimated", MEDIAN: "re-estimated"}


def gather(run: RunDirectory, progress: Progress) -> Evidence:
    """Return the evidence of a recording; that of nothing measured if it has no fit."""
    recording = progress.recorded
    if recording is None or recording.fit is None:
        return Evidence(None, None, why_unmeasured=" (nothing was trained)")
    return _Reader(run, progress, recording, recording.fit).evidence()


@dataclass(frozen=True)
class _Reader:
    run: RunDirectory
    progress: Progress
    recording: RecordedProgress
    fit: FitEvidence

    def evidence(self) -> Evidence:
        """Return all of it."""
        fit, inference, training = self.fit, self.fit.figures("inference"), self.fit.figures("training")
        others = list(self._others())
        return Evidence(
            inference=_score(inference),
            training=_score(training),
            losses=[float(loss) for loss in self.progress.loss],
            norms=[_norm(norm) for norm in self._moving],
            are_norms_known=fit.ended is not None,
            batch_size=fit.started.batch_size or (training.batch_size if training is not None else None),
            trials=list(self._trials("fit", None, inference)),
            others=others,
            calls=[self._call(call) for call in fit.calls],
            inputs=self._inputs(self._data, with_far=True),
            order=[str(layer.get("name")) for layer in self._listed("list")],
            random=self._random,
            first_apart=self._first_apart,
            drawing=self._drawing,
            compared_layers=len(self._phases.layers or []) if self._phases is not None else 0,
            problem=inference.problem if inference is not None else None,
            purity=self._purity(inference),
            alone=self._alone(inference),
            spike=self._spike(),
            not_finite=self._not_finite(),
            head=self._head(),
            steps=self._steps(),
            why_unmeasured=self._why_unmeasured(),
        )

    # --- what was given ---

    @property
    def _data(self) -> recorded_values.Data | None:
        ended = self.fit.ended
        return ended.data if ended is not None and ended.data is not None else self.fit.started.data

    @property
    def _validation_data(self) -> recorded_values.Data | None:
        ended = self.fit.ended
        return ended.validation if ended is not None and ended.validation is not None else self.fit.started.validation

    def _inputs(self, data: recorded_values.Data | None, *, with_far: bool = False) -> Inputs:
        if data is None:
            return Inputs()
        first = data.inputs[0] if data.inputs and len(data.inputs) == 1 else None
        targets = data.targets
        labels = targets[0].labels if targets is not None and len(targets) == 1 else None
        return Inputs(
            channels=channels(data.inputs or []),
            mean=None if first is None else _float(first.mean),
            deviation=None if first is None else _float(first.deviation),
            classes=None if labels is None else labels.counts,
            is_complete=data.complete is not False,
            farthest_deviations=farthest(data) if with_far else None,
        )

    def _listed(self, name: str) -> list[dict[str, Any]]:
        listed = self.progress.fingerprint.get(name)
        return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []

    @property
    def _random(self) -> list[str]:
        names = self.progress.fingerprint.get("stochastic")
        return [str(name) for name in names] if isinstance(names, list) else []

    def _head(self) -> Head | None:
        compiled, outputs = self.fit.started.compiled, self._listed("outputs")
        data = self._data
        targets = (data.targets or []) if data is not None else []
        if compiled is None or len(outputs) != 1 or len(compiled.loss or []) != 1 or len(targets) != 1:
            return None
        labels, from_logits = targets[0].labels, compiled.from_logits or []
        activation, units = outputs[0].get("activation"), outputs[0].get("units")
        return Head(
            activation=activation if isinstance(activation, str) else None,
            units=units if isinstance(units, int) and not isinstance(units, bool) else None,
            loss=(compiled.loss or [""])[0],
            from_logits=from_logits[0] if from_logits else None,
            label_kind=None if labels is None else labels.kind,
            label_classes=None if labels is None else labels.classes,
            target_minimum=_float(targets[0].minimum),
            target_maximum=_float(targets[0].maximum),
        )

    # --- layers ---

    @property
    def _moving(self) -> list[recorded_values.MovingStatistics]:
        return (self.fit.ended.batch_norm or []) if self.fit.ended is not None else []

    @functools.cached_property
    def _phases(self) -> recorded.LayerPhasesMeasured | None:
        return next((event for event in self.fit.phases if event.set_ == "fit"), None)

    def _layer_at(self, place: int | None) -> recorded_values.LayerPhases | None:
        layers = (self._phases.layers or []) if self._phases is not None else []
        return layers[place] if place is not None and place < len(layers) else None

    @property
    def _first_apart(self) -> str | None:
        layer = self._layer_at(self._phases.first if self._phases is not None else None)
        return None if layer is None else layer.name

    @property
    def _drawing(self) -> str | None:
        """The first layer whose output in inference phase differs when the same samples pass again."""
        layer = self._layer_at(self._phases.first_repeated if self._phases is not None else None)
        if layer is None or float(layer.inference_distance_repeated or 0.0) < ALONE_DISTANCE:
            return None
        return layer.name

    @property
    def _is_drawn(self) -> bool:
        """Whether what one sample alone is answered differs by chance."""
        phases = self._phases
        if phases is None or phases.first_repeated is None or phases.first_alone is None:
            return False
        return phases.first_repeated <= phases.first_alone

    def _alone(self, inference: recorded.Measured | None) -> Alone:
        """What the recorder saw; that no answer changed if it saw no layer at which the outputs part."""
        nothing = Alone(0, 0.0, 0.0)
        alone = self.fit.figures("inference", alone=True)
        layer = self._layer_at(self._phases.first_alone if self._phases is not None else None)
        if alone is None or inference is None or layer is None:
            return nothing
        single, batch = self._array(alone.outputs), self._array(inference.outputs)
        if single is None or batch is None or len(single) < FEWEST_SAMPLES or single.shape[1:] != batch.shape[1:]:
            return nothing
        batch = batch[: len(single)]
        deviation = float(np.std(batch.astype(np.float64))) or 1.0
        changed = None
        if inference.right is not None:
            left, right = classes_of(single), classes_of(batch)
            if left is None or right is None:
                return nothing
            changed = float(np.mean(left != right))
        return Alone(
            samples=len(single),
            changed=changed,
            distance=float(np.sqrt(np.mean((single.astype(np.float64) - batch) ** 2))) / deviation,
            right=_float(alone.right),
            layer=layer.name,
            is_norm="BatchNorm" in (layer.class_ or ""),
            distance_at_layer=float(layer.inference_distance_alone or 0.0),
            is_drawn=self._is_drawn,
        )

    def _steps(self) -> Steps:
        ended, logs = self.fit.ended, self.fit.logs
        changed = ended.weights_changed if ended is not None else None
        ratio = logs.update_ratio if logs is not None else None
        return Steps(
            count=self.recording.steps,
            trainable=None if changed is None else changed.trainable,
            unchanged=None if changed is None else len(changed.unchanged or []),
            learning_rate=None if logs is None else _float(logs.learning_rate),
            update_ratio=None if ratio is None else _float(ratio.median),
            constant_layer=self._constant_layer(),
            frozen_share=frozen_share(self._listed("list")),
        )

    def _constant_layer(self) -> str | None:
        """The first layer all of whose units are constant over the samples, in inference.

        None for a model without a loss of its outputs: what layers add to the loss need not come through that layer.
        """
        phases, compiled = self._phases, self.fit.started.compiled
        if phases is None or (phases.samples or 0) < 2 or compiled is None or not compiled.loss:
            return None
        layers = phases.layers or []
        return next((layer.name for layer in layers if layer.units and layer.constant_units == layer.units), None)

    # --- what was measured ---

    def _trials(
        self, which: recorded_values.SampleSet, call: int | None, before: recorded.Measured | None
    ) -> Iterator[Trial]:
        samples = 0 if before is None else before.samples or 0
        for event in self.fit.trials:
            if not event.available or (event.set_, event.call) != (which, call) or event.kind not in _KINDS:
                continue  # a kind of a later version, or of other samples
            parameter = event.parameter or {}
            to, factor, offset, of = (parameter.get(name) for name in ("to", "factor", "offset", "input"))
            yield Trial(
                kind=_KINDS[event.kind],
                random_layers=event.kind == AS_TRAINED,
                without=OUTLYING if event.kind == MEDIAN else "",
                score=Score(_float(event.right), _float(event.loss), samples, event.batch_size),
                momentum=_float(event.momentum),
                # Statistics are estimated in batches of training, whatever those are that use them.
                batch_size=None if _KINDS[event.kind] == "re-estimated" else event.batch_size,
                factor=float(factor) if isinstance(factor, int | float) else None,
                offset=float(offset) if isinstance(offset, int | float) else 0.0,
                renamed=[int(label) for label in to] if isinstance(to, list) else (),
                of=of if isinstance(of, str) else "",
            )

    def _others(self) -> Iterator[Other]:
        """The program's calls whose samples were measured, then the validation data."""
        for observed in self.fit.calls:
            measured = self.fit.figures("inference", "call", call=observed.call)
            if measured is not None:
                yield self._call(observed, measured)
        measured = self.fit.figures("inference", "validation")
        score = _score(measured)
        if score is not None:
            trials = list(self._trials("validation", None, measured))
            yield Other("validation", score, inputs=self._inputs(self._validation_data), trials=trials)

    def _call(self, observed: recorded.CallObserved, measured: recorded.Measured | None = None) -> Other:
        model = "" if observed.model == "this" else f" of {observed.model_name or 'another model'}"
        weights = observed.weights
        return Other(
            what=f"{observed.kind}{model}",
            score=_score(measured) or Score(None, None),
            is_call=True,
            inputs=self._inputs(observed.data),
            trials=list(self._trials("call", observed.call, measured)),
            weights=None
            if weights is None
            else OtherWeights(
                trainable=weights.trainable.of,
                other_trainable=weights.trainable.of - weights.trainable.equal,
                moving=weights.moving.of,
                other_moving=weights.moving.of - weights.moving.equal,
                initial_moving=weights.moving.initial or 0,
                is_equal=weights.equal,
            ),
            orders=[
                Order(order.rows, order.common, order.same_order, order.same_source) for order in observed.orders or []
            ],
            source=observed.data.source if observed.data is not None else None,
        )

    def _purity(self, inference: recorded.Measured | None) -> float | None:
        size = self.fit.started.batch_size
        labels = None if inference is None else inference.labels
        return None if size is None or labels is None else purity(labels, size)

    def _spike(self) -> Spike | None:
        """The largest variance of a batch against the median: as measured after fit, else as steps of fit had it."""
        for event in self.fit.trials_of(MEDIAN):
            parameter = event.parameter or {}
            ratio, share, layer = (parameter.get(name) for name in ("ratio", "outlying_share", "layer"))
            if isinstance(ratio, int | float) and isinstance(share, int | float) and isinstance(layer, str):
                return Spike(float(ratio), layer, share=float(share))
        table = self._array(f"arrays/fit-{self.fit.number}-variances.npy")
        steps = self._array(f"arrays/fit-{self.fit.number}-steps.npy")
        if table is None or steps is None or table.ndim != 2 or len(table) != len(steps):
            return None
        if len(table) < 2 * WINDOW_STEPS or table.shape[1] != len(self._moving):
            return None
        values = table.astype(np.float64)
        best: Spike | None = None
        for place in range(len(values)):
            around = values[max(0, place - WINDOW_STEPS) : place + WINDOW_STEPS + 1]
            ratios = values[place] / np.maximum(np.median(around, axis=0), 1e-12)
            layer = int(np.argmax(ratios))
            ratio = float(ratios[layer])
            if math.isfinite(ratio) and ratio >= OUTLIER_VARIANCE and (best is None or ratio > best.ratio):
                best = Spike(ratio, self._moving[layer].name, step=int(steps[place]))
        return best

    def _not_finite(self) -> NotFinite | None:
        seen = self.recording.not_finite
        events = [seen[what] for what in ("loss", "weights", "output") if what in seen]
        if not events:
            return None
        first = min(events, key=lambda event: (event.step is None, event.step or 0, event.epoch or 0))
        bad = bad_data(self._data)
        return NotFinite(
            what=first.what,
            epoch=first.epoch,
            step=first.step,
            fit=first.fit,
            layer=first.layer,
            variables=first.names or (),
            data=None if bad is None else bad[0],
            data_count=0 if bad is None else bad[1],
            data_row=None if bad is None else bad[2],
        )

    def _why_unmeasured(self) -> str:
        recording = self.recording
        if recording.missing:
            return f" ({recording.missing[0].what}: {recording.missing[0].reason})"
        if recording.faults:
            return f" (the recorder failed: {recording.faults[0].error})"
        ended = recording.latest.ended if recording.latest is not None else None
        if ended is None:
            return " (fit had not returned)"
        return f" (fit raised {ended.error})" if ended.ended == "raised" else ""

    def _array(self, name: str | None) -> NDArray[Any] | None:
        """An array of the recording; None if it is not there or damaged."""
        if name is None:
            return None
        try:
            return np.array(arrays.read(self.run.path / name))
        except (InputError, ValueError, OSError):
            return None


def _float(value: Number | None) -> float | None:
    return None if value is None else float(value)


def _score(measured: recorded.Measured | None) -> Score | None:
    if measured is None:
        return None
    return Score(_float(measured.right), _float(measured.loss), measured.samples or 0, measured.batch_size)


def _norm(norm: recorded_values.MovingStatistics) -> Norm:
    remaining = norm.remaining
    left = [] if remaining is None else [_float(value) for value in (remaining.mean, remaining.variance)]
    known = [value for value in left if value is not None]
    return Norm(
        name=norm.name,
        momentum=_float(norm.momentum),
        updates=_float(norm.updates),
        calls=norm.calls,
        trainable=norm.trainable,
        moved=norm.moved,
        is_initial=norm.initial_at_start is True,
        from_initial=norm.initial_at_first,
        initial_weight=_float(norm.initial_weight),
        initial_share=_float(norm.initial_share),
        variance_left=None if remaining is None else _float(remaining.variance),
        distance=sum(known) / len(known) if known else None,
        spread=_float(norm.spread),
        debiased=norm.debiased is True,
    )
