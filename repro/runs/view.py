"""One run as evidence: what compare, export, verify and issue texts read of a run directory."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import msgspec

from repro.base import yaml_file
from repro.base.errors import InputError
from repro.base.text import cell
from repro.environment import diff
from repro.runs.directory import RunDirectory, read_json
from repro.runs.progress import Progress
from repro.runs.records import Result, RunRecord, State
from repro.scenario import load
from repro.scenario.types import Scenario

MAX_ENVIRONMENT_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Evidence:
    """A run directory of the store or of a bundle, read when asked."""

    run: RunDirectory

    @property
    def id(self) -> str:
        return self.run.id

    @functools.cached_property
    def record(self) -> RunRecord:
        """run.json."""
        return self.run.record()

    @functools.cached_property
    def result(self) -> Result | None:
        """result.json, None for a run that is not finished."""
        return self.run.result()

    @functools.cached_property
    def environment(self) -> dict[str, Any]:
        """environment.json; {} where the run did not get that far."""
        return read_environment(self.run)

    @functools.cached_property
    def facts_record(self) -> dict[str, Any]:
        """environment.json with the model's fingerprint among its facts, for comparisons."""
        record = self.environment
        facts = {**record.get("facts", {}), **({"model": self.fingerprint} if self.fingerprint else {})}
        if later := self._later_drift(facts):
            facts["drift"] = [*_lines(facts.get("drift")), *later]
        if len(diff.flatten(facts)) > diff.MAX_FACTS:
            raise InputError(f"damaged (more than {diff.MAX_FACTS:,} facts)", do="delete the run", file=self.id)
        return {**record, "facts": facts}

    def _later_drift(self, facts: dict[str, Any]) -> list[str]:
        """How packages and lock of later stretches differ from those of the first: `resume --allow-drift` lets them."""
        found = []
        for file in sorted(self.run.path.glob("environment-*.json")):
            later = read_environment(self.run, file.name).get("facts", {})
            new = [line for line in _lines(later.get("drift")) if line not in _lines(facts.get("drift"))]
            if later.get("lock_sha256", facts.get("lock_sha256")) != facts.get("lock_sha256"):
                new.append("another lock file")
            found += [f"{file.stem}: {line}" for line in new]
        return found

    @functools.cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What network was trained; {} where the run did not get that far.

        A traced run trains at momentum 0 and replays its averages. Earlier versions wrote that 0 down: the momentum
        is the one that was measured at.
        """
        found = {key: value for key, value in self.progress.fingerprint.items() if key != "first_epoch"}
        momentum = (self.measurements.get("batch_norm") or {}).get("momentum")
        if self.record.traced and momentum is not None and found.get("momentum") == [0.0]:
            found["momentum"] = [momentum]
        return found

    @property
    def network(self) -> str | None:
        """The fingerprint in a line; None where no network was built."""
        names = ("layers", "parameters", "batch_norm_layers", "momentum", "epsilon", "initial_weights_sha256")
        shown = {name: cell(self.fingerprint[name]).strip("[]") for name in names if name in self.fingerprint}
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items()) or None

    @functools.cached_property
    def progress(self) -> Progress:
        """All events, folded."""
        return self.run.progress()

    @functools.cached_property
    def state(self) -> State:
        """What has become of the run."""
        return self.run.state()

    @property
    def labels(self) -> list[int]:
        """Class of each image."""
        return [image.label for image in self.record.images]

    @functools.cached_property
    def measurements(self) -> dict[str, Any]:
        """Measurements of the result, or of what there is of an unfinished run."""
        if self.result is not None:
            return self.result.measurements
        return self.progress.measurements(labels=self.labels)

    @property
    def verdict(self) -> str | None:
        return self.result.verdict if self.result is not None else None


def shipped_as(run: Evidence) -> bool:
    """Whether the shipped scenario of that name trains the same (its words and claims may have changed since)."""
    name = run.record.scenario
    if name not in load.shipped_names():
        return False
    shipped = yaml_file.read(load.find(name)).convert(Scenario)
    ran = run.run.require_scenario()
    return all(
        getattr(shipped, key) == getattr(ran, key) for key in ("images", "model", "batch_norm", "compile", "fit")
    )


def read_environment(run: RunDirectory, name: str = "environment.json") -> dict[str, Any]:
    """environment.json, or a later one, as plain data; {} where there is none, InputError where it is damaged."""
    data = read_json(run.path, name, EnvironmentRecord, MAX_ENVIRONMENT_BYTES)
    found: dict[str, Any] = {} if data is None else msgspec.to_builtins(data)
    return found


def _lines(value: object) -> list[str]:
    return [line for line in value if isinstance(line, str)] if isinstance(value, list) else []


class EnvironmentRecord(msgspec.Struct):
    """environment.json as far as readers rely on it."""

    format: int
    facts: dict[str, Any] = {}
    missing: dict[str, str] = {}
