"""Trains the models of odd_models.py on small pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from repro.runs import events
from repro.runs.directory import RunDirectory
from tests.support import synthetic_faults
from tests.support.command_line import Answer, run_process
from tests.support.paths import PROGRAMS

SCENARIO = """\
format: 1
name: odd
title: A model of one's own
group: control
about: For tests.
images: {{directory: images, layout: folder-per-class, size: [16, 16]{split}}}
model: {{python: model.py, function: {function}, classes: 2}}
{more}{compile}fit: {{epochs: 4, batch_size: {batch_size}}}
measure: [evaluate, predict, evaluate_training_phase]
measure_at: [2]
claims: []
"""
COMPILE = "compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}\n"
STEPS = 4 * 4  # epochs of sixty images in batches of sixteen


def events_of(run: RunDirectory) -> list[events.AnyEvent]:
    """All that happened in a run."""
    return [events.decode(line) for line in run.file("events.jsonl").read_bytes().splitlines()]


class OddRuns:
    """A folder with the pictures, the models and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        synthetic_faults.draw(folder)
        shutil.copy(PROGRAMS / "odd_models.py", folder / "model.py")

    def __call__(
        self,
        function: str,
        environment: str,
        *options: str,
        more: str = "",
        compile: str = COMPILE,
        split: float | None = None,
        batch_size: int = 16,
    ) -> tuple[dict[str, Any], RunDirectory]:
        """Train the model of a function; the run as JSON, and its directory."""
        file = self.folder / "s.yaml"
        validation = "" if split is None else f", validation: {{split: {split}}}"
        parts = {"function": function, "more": more, "compile": compile, "split": validation}
        file.write_text(SCENARIO.format(**parts, batch_size=batch_size))
        asked = (str(file), "--trust", "--again", "--environment", environment, "--threads", "1")
        printed = self.repro("run", *asked, *options).json
        assert printed["state"] == "finished", printed["reason"]
        return printed, RunDirectory(self.folder / "store" / printed["run"])

    def repro(self, *arguments: str) -> Answer:
        """One command on the store, with --json."""
        return run_process(*arguments, "--json", store=self.folder / "store")
