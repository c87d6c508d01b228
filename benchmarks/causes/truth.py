"""The programs of one half and the truth about each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
HALVES = ("held_out", "tuned")
NO_DISCREPANCY = "no-discrepancy"
CANNOT_BE_TOLD = "cannot-be-told"
CAUSES = (
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
    NO_DISCREPANCY,
    CANNOT_BE_TOLD,
)
KEYS = {"program", "environment", "cause", "also", "healthy", "re_enacts", "why", "proof"}


@dataclass(frozen=True)
class Truth:
    """One program: `cause` is the first finding expected, `also` what else is true, `healthy`: there is no fault."""

    half: str
    program: str
    environment: str
    cause: str
    also: tuple[str, ...]
    healthy: bool

    @property
    def path(self) -> Path:
        """The program's file."""
        return HERE / self.half / self.program

    @property
    def sha256(self) -> str:
        """Of the program's text."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def _truth(half: str, entry: dict[str, Any]) -> Truth:
    name = entry.get("program", "?")
    if unknown := set(entry) ^ KEYS:
        raise ValueError(f"{half}: {name}: keys that are missing or unknown: {', '.join(sorted(unknown))}")
    for cause in (entry["cause"], *entry["also"]):
        if cause not in CAUSES:
            raise ValueError(f"{half}: {name}: {cause} is no cause")
    truth = Truth(half, name, entry["environment"], entry["cause"], tuple(entry["also"]), entry["healthy"])
    if not truth.path.is_file():
        raise ValueError(f"{half}: {name}: there is no such program")
    return truth


def read_half(half: str) -> list[Truth]:
    """All programs of a half, in the order of its file; ValueError where the file is wrong."""
    entries = yaml.safe_load((HERE / half / "truth.yaml").read_text(encoding="utf-8"))
    truths = [_truth(half, entry) for entry in entries]
    if len({t.program for t in truths}) != len(truths):
        raise ValueError(f"{half}: a program is listed twice")
    return truths
