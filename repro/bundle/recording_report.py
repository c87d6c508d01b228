"""What the report of a bundle says of a recording: the diagnosis first, then all that it rests on."""

from __future__ import annotations

from typing import Any

from repro.base.text import one_line
from repro.bundle.report_parts import SHOWN_FACTS, curves, drift, epoch_rows
from repro.environment.facts import facts_of
from repro.explain import recorded_words as words
from repro.explain import sentences
from repro.explain.diagnosis import diagnose, headline
from repro.runs import layout
from repro.runs.recorded_files import holds_samples, packages_of
from repro.runs.summary import OWN_TRAINING
from repro.runs.view import RunView

MAX_LINES = 100


def view(run: RunView) -> dict[str, Any]:
    """Return what the templates show of a recording, which must be redacted already."""
    recording = run.progress.recorded
    fit = recording.fit if recording is not None else None
    findings = diagnose(run.run)
    curve = run.figures.fit
    facts = {**facts_of(run.environment), "network": run.network}
    lock = run.run.file(layout.PACKAGE_LOCK)
    packages = packages_of(lock.read_text(encoding="utf-8")) if lock.is_file() else None
    return {
        "is_recording": True,
        "id": run.id,
        "record": run.record,
        "title": f"{run.record.scenario}: {findings[0].cause}",
        "heading": f"{run.record.scenario}, {OWN_TRAINING}",
        "script": None,  # of plain Keras: a recording needs none
        "state": run.state,
        "outcome": "recorded" if run.state == "finished" else run.state,
        "outcome_means": headline(run.run),
        "findings": [(finding, words.tried(finding)) for finding in findings],
        "program": words.program(run.recorded),
        "training": words.training(fit) if fit is not None else [],
        "data": words.data(fit)[:MAX_LINES] if fit is not None else [],
        "figures": words.figures(fit, curve.loss, curve.accuracy) if fit is not None else [],
        "first_apart": words.first_apart(fit) if fit is not None else None,
        "epochs": epoch_rows(curve.loss, curve.accuracy or [None] * len(curve.loss)),
        "measurements": {"fit": {"loss": curve.loss}},
        "curves": curves(curve.loss, curve.accuracy),
        "drift": drift(run),
        "pictures": [],
        "weights_sha256": run.figures.figure("weights_sha256"),
        "facts": [(name, facts[key]) for name, key in SHOWN_FACTS if facts.get(key) is not None],
        "packages": packages,
        "missing": run.environment.get("missing", {}),
        "unmeasured": [] if recording is None else words.missing(recording)[:MAX_LINES],
        "warnings": [one_line(warning, 400) for warning in run.progress.warnings],
        "has_script": run.run.file(layout.SCRIPT).is_file(),
        "has_samples": any(holds_samples(f"arrays/{file.name}") for file in run.run.file(layout.ARRAYS).glob("*.npy")),
        "command": " ".join(run.record.command),
        "ended": None if run.state == "finished" else sentences.ending(run.state, _reason(run)),
    }


def _reason(run: RunView) -> str:
    ended = run.progress.ended
    return one_line(ended.reason, 300) if ended is not None else ""
