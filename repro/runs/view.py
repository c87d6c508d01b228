"""One run as its readers need it: what compare, export, verify and issue texts read of a run directory."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import msgspec

from repro.base.errors import InputError
from repro.base.text import exact
from repro.environment.facts import MAX_FACTS, flatten
from repro.runs import layout
from repro.runs.directory import RunDirectory, read_json
from repro.runs.progress import Progress
from repro.runs.recorded_record import Recorded
from repro.runs.records import NOTHING_MEASURED, ClaimResult, Measurements, Result, RunRecord, State
from repro.runs.verdict import decide_all
from repro.scenario.script_types import ScriptScenario

MAX_ENVIRONMENT_BYTES = 1024 * 1024


@dataclass(frozen=True)
class RunView:
    """A run directory of the store or of a bundle; each file is read once, when it is first needed."""

    run: RunDirectory
    # Events that the caller has folded already.
    folded: Progress | None = None

    @property
    def id(self) -> str:
        return self.run.id

    @functools.cached_property
    def record(self) -> RunRecord:
        """run.json."""
        return self.run.record()

    @property
    def is_recording(self) -> bool:
        """Whether the user's own program trained, under the recorder."""
        return self.record.recorded is not msgspec.UNSET

    @property
    def is_program(self) -> bool:
        """Whether the program of a script scenario trained, under the recorder."""
        return self.record.script is not msgspec.UNSET

    @property
    def recorded(self) -> Recorded:
        """What run.json says of a recording; InputError for a run of a scenario."""
        if not isinstance(self.record.recorded, Recorded):
            raise InputError(f"the run {self.id} is not a recording", do="choose a recording")
        return self.record.recorded

    @functools.cached_property
    def result(self) -> Result | None:
        """result.json; None for a run that is not finished."""
        return self.run.result()

    @functools.cached_property
    def progress(self) -> Progress:
        """All events, folded."""
        return self.folded if self.folded is not None else self.run.progress()

    @functools.cached_property
    def state(self) -> State:
        """The state of the run."""
        return self.run.state(self.folded)

    @property
    def labels(self) -> list[int]:
        """Class of each image."""
        return [image.label for image in self.record.images]

    @functools.cached_property
    def figures(self) -> Measurements:
        """Measurements of the result, or of what there is of an unfinished run."""
        return self.result.figures if self.result is not None else self.progress.measurements(labels=self.labels)

    @functools.cached_property
    def measurements(self) -> dict[str, Any]:
        """The same as JSON has it, with figures that a later version added."""
        if self.result is not None:
            return self.result.measurements
        plain: dict[str, Any] = msgspec.to_builtins(self.figures)
        return plain

    @property
    def verdict(self) -> str | None:
        return self.result.verdict if self.result is not None else None

    @functools.cached_property
    def claims(self) -> list[ClaimResult]:
        """Claims of the result; of an unfinished run, unknown until its last epoch was measured."""
        if self.result is not None:
            return self.result.claims
        try:
            scenario = self.run.scenario()
        except InputError:
            return []
        if scenario is None:
            return []
        if isinstance(scenario, ScriptScenario):
            return decide_all(scenario, NOTHING_MEASURED, self.record.environment)
        is_complete = self.progress.epoch == scenario.fit.epochs
        figures = self.progress.measurements(scenario.fit.epochs, self.labels) if is_complete else NOTHING_MEASURED
        return decide_all(scenario, figures, self.record.environment)

    @functools.cached_property
    def environment(self) -> dict[str, Any]:
        """environment.json; {} if the run did not get that far."""
        return read_environment(self.run)

    @functools.cached_property
    def facts_record(self) -> dict[str, Any]:
        """environment.json with the model's fingerprint among its facts, for comparisons."""
        record = self.environment
        facts = {**record.get("facts", {}), **({"model": self.fingerprint} if self.fingerprint else {})}
        if later := self._later_drift(facts):
            facts["drift"] = [*_lines(facts.get("drift")), *later]
        if len(flatten(facts)) > MAX_FACTS:
            raise InputError(f"damaged (more than {MAX_FACTS:,} facts)", do="delete the run", file=self.id)
        return {**record, "facts": facts}

    def _later_drift(self, facts: dict[str, Any]) -> list[str]:
        """Return how packages and lock of later attempts differ from the first one, as `resume --allow-drift` lets."""
        lines = []
        for file in sorted(self.run.path.glob(layout.LATER_ENVIRONMENTS)):
            later = read_environment(self.run, file.name).get("facts", {})
            new = [line for line in _lines(later.get("drift")) if line not in _lines(facts.get("drift"))]
            if later.get("lock_sha256", facts.get("lock_sha256")) != facts.get("lock_sha256"):
                new.append("another lock file")
            lines += [f"{file.stem}: {line}" for line in new]
        return lines

    @functools.cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What network was trained; {} if the run did not get that far.

        A traced run trains at momentum 0 and replays its averages. Earlier versions recorded that 0: the momentum is
        the one of the measurements.
        """
        fingerprint = {key: value for key, value in self.progress.fingerprint.items() if key != "first_epoch"}
        momentum = self.figures.figure("batch_norm.momentum")
        if self.record.traced and momentum is not None and fingerprint.get("momentum") == [0.0]:
            fingerprint["momentum"] = [momentum]
        return fingerprint

    @property
    def network(self) -> str | None:
        """The fingerprint in a line; None if no network was built."""
        names = ("layers", "parameters", "batch_norm_layers", "momentum", "epsilon", "initial_weights_sha256")
        shown = {name: exact(self.fingerprint[name]).strip("[]") for name in names if name in self.fingerprint}
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items()) or None


def read_environment(run: RunDirectory, name: str = layout.ENVIRONMENT) -> dict[str, Any]:
    """Read an environment record as plain data; {} if there is none, InputError if it is damaged."""
    record = read_json(run.path, name, EnvironmentRecord, MAX_ENVIRONMENT_BYTES)
    plain: dict[str, Any] = {} if record is None else msgspec.to_builtins(record)
    return plain


def _lines(value: object) -> list[str]:
    return [line for line in value if isinstance(line, str)] if isinstance(value, list) else []


class EnvironmentRecord(msgspec.Struct):
    """environment.json as far as readers rely on it."""

    format: int
    facts: dict[str, Any] = {}
    missing: dict[str, str] = {}
