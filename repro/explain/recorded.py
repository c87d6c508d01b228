"""Says from the evidence of a recording why it is right in training and wrong afterwards, or that it is not."""

from __future__ import annotations

import math

from repro.base.errors import InputError
from repro.explain.causes import data, learning, phases, statistics
from repro.explain.causes.case import PROVED, Case, RecordedFinding
from repro.runs.directory import RunDirectory
from repro.runs.recorded_progress import RecordedProgress


def diagnose(run: RunDirectory) -> list[RecordedFinding]:
    """Return what was found, the likeliest cause first; never empty. InputError if the events are damaged."""
    progress = run.progress()
    recording = progress.recorded
    if recording is None or recording.fit is None:
        return [_cannot("nothing was trained", "record a program that calls fit or train_on_batch")]
    return judge(Case(progress, recording, recording.fit, run.path))


def judge(case: Case) -> list[RecordedFinding]:
    """Return the findings of a case, the likeliest cause first; never empty."""
    if findings := learning.non_finite(case):
        return findings
    if case.inference is None or case.training is None:
        return [_unmeasured(case)]
    qualities = case.quality(case.inference), case.quality(case.training)
    if any(quality is None or math.isnan(quality) for quality in qualities):
        return [_without_score(case)]
    findings = [*phases.batch_dependent(case), *phases.random_in_inference(case), *statistics.find(case)]
    findings += [*data.find(case), *phases.stochastic_layers(case)]
    if findings:
        return _ranked(findings)
    if case.differs(case.training, case.inference):
        return phases.worse_in_training(case) or [statistics.unexplained(case)]
    findings = [*learning.output_and_loss(case), *learning.not_learning(case), *data.shuffled_rows(case)]
    return findings or [_no_discrepancy(case)]


def headline(run: RunDirectory) -> str:
    """Return the first finding of a recording in one line, with its state if it did not finish."""
    state = run.state()
    if state == "damaged":
        raise InputError("damaged", do="delete the run", file=run.id)
    finding = diagnose(run)[0]
    prefix = "" if state == "finished" else f"{state}; "
    is_said = finding.says.startswith(finding.cause.replace("-", " "))
    return f"{prefix}{finding.says}" if is_said else f"{prefix}{finding.cause}: {finding.says}"


def _ranked(findings: list[RecordedFinding]) -> list[RecordedFinding]:
    """Put what cannot be told last; else the order in which the rules looked is that of their certainty."""
    return sorted(findings, key=lambda finding: finding.cause == "cannot-be-told")


def _cannot(says: str, remedy: str) -> RecordedFinding:
    return RecordedFinding("cannot-be-told", f"cannot be told: {says}", {"confidence": "cannot be told"}, remedy)


def _unmeasured(case: Case) -> RecordedFinding:
    return _cannot(f"the two phases were not measured{_reason(case.recording)}", "let the program reach the end of fit")


def _without_score(case: Case) -> RecordedFinding:
    """Compare the phases by their outputs: the model has neither a loss that Keras can work out, nor classes."""
    assert case.inference is not None
    problem = f": {case.inference.problem}" if case.inference.problem else ""
    if case.inference.loss is not None:
        return _cannot(f"{case.phases}", "look at the loss function: outputs and weights are finite")
    layers = case.layer_phases
    if layers is not None and layers.layers and layers.first is None:
        says = (
            f"no discrepancy: all {len(layers.layers)} layers give the same in both phases, on {case.samples} samples "
            f"of fit; there is no loss to compare them by{problem}"
        )
        return RecordedFinding("no-discrepancy", says, case.numbers(PROVED), "nothing to change")
    parted = f"; the phases part at {case.first_apart}" if case.first_apart else ""
    remedy = "give compile a loss; look at each layer (repro show --layers)"
    return _cannot(f"there is no loss to compare the phases by{problem}{parted}", remedy)


def _reason(recording: RecordedProgress) -> str:
    """Why nothing was measured, as the recorder said."""
    if recording.missing:
        return f" ({recording.missing[0].what}: {recording.missing[0].reason})"
    if recording.faults:
        return f" (the recorder failed: {recording.faults[0].error})"
    ended = recording.latest.ended if recording.latest is not None else None
    if ended is None:
        return " (fit had not returned)"
    return f" (fit raised {ended.error})" if ended.ended == "raised" else ""


def _no_discrepancy(case: Case) -> RecordedFinding:
    others = [other for other in data.others(case) if other.which == "call"]
    says = f"no discrepancy: {case.phases}, on {case.samples} samples of fit"
    if others:
        says += f"; {len(others)} later call{'s' if len(others) > 1 else ''} of the program agree with that"
    if case.fit.ended is not None and not case.norms:
        says += "; this model has no BatchNormalization layers"
    if (name := phases.drawing_layer(case)) is not None:
        says += f"; {name} draws random numbers in inference phase, too"
    return RecordedFinding("no-discrepancy", says, case.numbers("proved on this run"), "nothing to change")
