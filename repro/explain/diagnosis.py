"""Says of a run or a recording why it is right in training and wrong afterwards, or that it is not."""

from __future__ import annotations

from repro.base.errors import InputError
from repro.explain import evidence_of_recording, evidence_of_scenario
from repro.explain.causes.evidence import Evidence
from repro.explain.causes.finding import Finding
from repro.explain.causes.ranking import judge
from repro.runs.directory import RunDirectory
from repro.runs.progress import Progress


def gather(run: RunDirectory, progress: Progress | None = None) -> Evidence:
    """Return the evidence of a recording or of a finished run; InputError for one that is not finished or damaged.

    `progress`: its events, if they were folded already.
    """
    progress = run.progress() if progress is None else progress
    if run.is_recording():
        return evidence_of_recording.gather(run, progress)
    return evidence_of_scenario.gather(run, progress)


def diagnose(run: RunDirectory, progress: Progress | None = None) -> list[Finding]:
    """Return what was found, the likeliest cause first; never empty. It asks no worker."""
    return judge(gather(run, progress))


def headline(run: RunDirectory, progress: Progress | None = None) -> str:
    """Return the first finding in one line, with the state of a recording that did not finish."""
    state = run.state(progress)
    if state == "damaged":
        raise InputError("damaged", do="delete the run", file=run.id)
    prefix = "" if state == "finished" else f"{state}; "
    return f"{prefix}{diagnose(run, progress)[0].headline}"
