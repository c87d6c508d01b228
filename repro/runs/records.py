"""The JSON files of a run directory, as types: run.json and result.json."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from repro.runs.events import Number

FORMAT = 1

Verdict = Literal["REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE"]
State = Literal["running", "finished", "failed", "stopped", "interrupted", "damaged", "elsewhere"]
Outcome = Literal["held", "failed", "unknown", "skipped"]
Device = Literal["auto", "cpu", "gpu"]


class ImageRecord(msgspec.Struct, frozen=True):
    """One image as found and as trained on. Sizes in pixels; statistics over the decoded pixels (0 to 255)."""

    name: str
    sha256: str
    mode: str
    width: int
    height: int
    label: int
    pixels_sha256: str
    minimum: int
    maximum: int
    mean: float
    standard_deviation: float


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
    started: float
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


class ClaimResult(msgspec.Struct, frozen=True):
    """A claim and how it came out; `measured` is None where nothing was."""

    id: str
    says: str
    value: str
    outcome: Outcome
    measured: Number | None
    expected: str


class Result(msgspec.Struct, frozen=True):
    """result.json: written last."""

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
    seconds: dict[str, float]
    files: dict[str, str] = {}
