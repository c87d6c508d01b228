"""Where the repository and what the tests read of it are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"  # what earlier versions wrote; never changed
RECORDED_RUN = DATA / "original-bug-keras-3"
RECORDINGS = DATA / "recordings"
PROGRAMS = Path(__file__).resolve().parent / "programs"  # what tests run in installed environments
