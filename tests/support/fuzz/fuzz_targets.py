"""What is read from files and arguments, each as a case: change something valid, read it as a user would, judge.

A case passes when there is an answer or one line on standard error, whatever was read. It fails on an exception that
nobody foresaw, on a character that a terminal would obey, on a wrong exit code, and when it takes too long.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.fuzz.base import FuzzTarget
from tests.support.fuzz.bundle_target import BundleTarget
from tests.support.fuzz.run_targets import EventsTarget, RecordsTarget, WhatIfTarget
from tests.support.fuzz.scenario_targets import ImagesTarget, ScenarioTarget

FUZZ_TARGETS: dict[str, Callable[[Path], FuzzTarget]] = {
    "scenario": ScenarioTarget,
    "events": EventsTarget,
    "records": RecordsTarget,
    "bundle": BundleTarget,
    "what-if": WhatIfTarget,
    "images": ImagesTarget,
}
