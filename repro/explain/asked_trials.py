"""Trials that a traced run is asked for, beside those that were made in it: one forward pass each, no training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from repro.base.errors import InputError, ReproError
from repro.explain.causes.evidence import Evidence, Score, Trial
from repro.explain.causes.finding import PROVED
from repro.explain.causes.not_converged import weight
from repro.explain.causes.ranking import judge
from repro.explain.criteria import CONVERGED, OUTLIER_VARIANCE
from repro.runs.directory import RunDirectory
from repro.runs.records import RunRecord
from repro.supervise.what_if import WhatIfSession, require_traced, snapshots

MOMENTUM_HELPS = ("not-converged", "stale")
STALE_MOMENTUM = 0.8  # tried where the initial values are gone: averages of the last few steps


def planned(evidence: Evidence) -> list[Trial]:
    """Return the trials that would tell causes of a difference between the phases apart; their scores are empty."""
    if evidence.not_finite is not None or not evidence.moved_norms:
        return []
    if not evidence.is_better(evidence.training, evidence.inference):
        return []
    nothing = Score(None, None)
    trials = []
    if (momentum := _lower_momentum(evidence)) is not None:
        trials.append(Trial("momentum", nothing, momentum=momentum))
    if evidence.trial("debiased") is None:
        trials.append(Trial("debiased", nothing))
    has_random = bool(evidence.random) or not evidence.trials
    if evidence.re_estimated() is None:
        trials.append(Trial("re-estimated", nothing, batch_size=evidence.batch_size, random_layers=has_random))
        if has_random:
            trials.append(Trial("re-estimated", nothing, batch_size=evidence.batch_size))
    spike = evidence.spike
    is_left_out = any(trial.without for trial in evidence.trials)
    if spike is not None and spike.ratio >= OUTLIER_VARIANCE and spike.samples_far_out and not is_left_out:
        names = ", ".join(spike.samples_far_out[:5])
        trials.append(Trial("re-estimated", nothing, batch_size=evidence.batch_size, without=names))
    return trials


def _lower_momentum(evidence: Evidence) -> float | None:
    """The momentum at which the initial values would weigh 1 % by now, or that of the last steps only."""
    worst = max(evidence.moved_norms, key=weight)
    if worst.momentum is None or not worst.updates:
        return None
    converged = math.floor(CONVERGED ** (1 / worst.updates) * 100) / 100
    lower = min(converged, STALE_MOMENTUM) if weight(worst) < CONVERGED else converged
    return lower if lower < worst.momentum else None


def ask(run: RunDirectory, evidence: Evidence) -> tuple[Evidence, str | None]:
    """Return the evidence with the answers of a traced run, and why none was asked for if that would have told more.

    Where the cause is proved already, only another momentum can still be advised.
    """
    trials = planned(evidence)
    first = judge(evidence)[0]
    is_proved = first.numbers["confidence"] == PROVED
    if not trials or (is_proved and (first.cause not in MOMENTUM_HELPS or not run.record().traced)):
        return evidence, None
    try:
        record = require_traced(run)
        epoch = snapshots(run)[-1]
        with WhatIfSession(run) as session:
            answered = [_ask(session, record, trial, epoch, evidence) for trial in trials]
    except InputError as error:
        return evidence, None if is_proved else f"no more was tried: {error}"
    except ReproError as error:
        return evidence, f"no more could be tried: {error}"
    return dataclasses.replace(evidence, trials=[*evidence.trials, *answered]), None


def _ask(session: WhatIfSession, record: RunRecord, trial: Trial, epoch: int, evidence: Evidence) -> Trial:
    answer = session.ask(
        trial.momentum,
        epoch,
        "moving" if trial.kind == "momentum" else "debiased" if trial.kind == "debiased" else "re-estimated",
        without=_places(record, trial.without),
        batch_size=trial.batch_size,
        random_layers=trial.random_layers,
    )
    count = len(answer.predict["classes"])
    score = Score(float(answer.predict["accuracy"]), float(answer.evaluate["loss"]), count, trial.batch_size)
    return dataclasses.replace(trial, score=score, before=evidence.inference)


def _places(record: RunRecord, names: str) -> Sequence[int]:
    wanted = set(names.split(", ")) if names else set()
    return [place for place, image in enumerate(record.images) if image.name in wanted]
