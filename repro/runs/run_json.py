"""The JSON object of a run, as every command prints it."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from repro.base.errors import InputError
from repro.runs.directory import RunDirectory
from repro.runs.records import FORMAT
from repro.runs.summary import RunSummary, summarise
from repro.runs.view import RunView


def run_json(run: RunDirectory, *, with_measurements: bool = True) -> dict[str, Any]:
    """Return the JSON object of one run; a damaged one has its reason in place of figures."""
    view = RunView(run)
    summary = summarise(view)
    if not with_measurements:
        return _plain(summary, {})
    measurements: dict[str, Any] = {}
    if summary.state != "damaged":
        try:
            summary = dataclasses.replace(summary, claims=tuple(view.claims))
            measurements = view.measurements
        except InputError as error:
            summary = dataclasses.replace(summary, state="damaged", reason=str(error))
    return _plain(summary, {"measurements": measurements})


def _plain(summary: RunSummary, measurements: dict[str, Any]) -> dict[str, Any]:
    """Return the object with the keys of every run in the same order, `measurements` among them."""
    is_damaged = summary.state == "damaged"
    plain = {
        "format": FORMAT,
        "run": summary.id,
        "scenario": None if is_damaged else summary.scenario,
        "environment": None if is_damaged else summary.environment,
        "seed": None if is_damaged or summary.is_recording else summary.seed,
        "state": summary.state,
        "verdict": summary.verdict,
        "degraded": summary.degraded,
        "derived_from": None if is_damaged else summary.derived_from,
        "claims": [] if is_damaged else msgspec.to_builtins(summary.claims),
        **measurements,
        "seconds": {} if is_damaged else dict(summary.stage_seconds),
    }
    if summary.state not in ("finished", "damaged"):
        plain |= {"epoch": summary.epoch, "epochs": summary.epochs}
    if summary.state != "finished":
        plain["reason"] = summary.reason
    return plain
