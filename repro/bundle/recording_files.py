"""Chooses which files of a recording go into a bundle: figures, never the program or its data unless asked for."""

from __future__ import annotations

import functools
import re

from repro.base import arrays
from repro.base.errors import InputError
from repro.runs import layout, recorded_files
from repro.runs.view import RunView

NOT_OURS = "not a file of a report"
_RECORDS = (layout.RECORD, layout.RESULT, layout.EVENTS, layout.ENVIRONMENT, layout.PACKAGE_LOCK)
_OF_A_SCENARIO = (layout.SCENARIO, layout.WORKER_LOG)
_PROGRAM = re.compile(rf"^{layout.PROGRAM}/.*\.py\Z")
_STATISTICS = re.compile(r"^arrays/(?:fit-\d+-(?:moving|initial|steps|variances)|call-\d+-rows)\.npy\Z")
_ANSWERS = re.compile(
    r"^arrays/fit-\d+-(?:fit|validation|call-\d+)-(?:(?:inference|training)(?:-alone)?|trial-\d+)\.npy\Z"
)


def is_program_text(name: str) -> bool:
    """Return whether a file of a run is the text of the program of a script scenario."""
    return _PROGRAM.match(name) is not None


class RecordingFiles:
    """What of one recording leaves. `with_script`: the program itself too. `with_data`: kept samples and all answers.

    Answers that are classes, or one number a sample, are figures; others, as of a network that repeats its input,
    show the samples and count as data.
    """

    def __init__(self, view: RunView, *, with_script: bool, with_data: bool) -> None:
        self._view = view
        self._with_script = with_script
        self._with_data = with_data

    def why_left_out(self, name: str) -> str | None:
        """Return why a file is left out; None if it goes in, "" if it need not even be listed."""
        if name in _RECORDS or _STATISTICS.match(name):
            return None
        if name in (layout.LOCK, layout.STOP_REQUEST) or name.startswith(f"{layout.WORKER_HOME}/"):
            return ""
        if name == layout.SCRIPT or is_program_text(name):
            return None if self._with_script else "the program stays here (--with-script adds it)"
        if name.startswith(f"{layout.PROGRAM}/"):
            return None if self._with_data else "data of the program stay here (--with-data adds them)"
        if self._view.is_program and (name in _OF_A_SCENARIO or layout.ENVIRONMENT_PATTERN.match(name)):
            return None
        if recorded_files.holds_samples(name):
            if not self._with_data:
                return "samples stay here (--with-data adds them)"
            return "its name says what the program calls it" if recorded_files.names_an_input(name) else None
        if _ANSWERS.match(name):
            if self._with_data or self._are_figures(name):
                return None
            return "answers that could show the samples stay here (--with-data adds them)"
        return NOT_OURS

    def _are_figures(self, name: str) -> bool:
        try:
            shape = arrays.read(self._view.run.file(name)).shape
        except InputError:
            return False
        return len(shape) == 1 or (len(shape) == 2 and (shape[1] == 1 or self._has_classes))

    @functools.cached_property
    def _has_classes(self) -> bool:
        """Whether the answers are classes: their share that is right was measured."""
        recording = self._view.progress.recorded
        fit = recording.fit if recording is not None else None
        return fit is not None and any(event.right is not None for event in fit.measured)
