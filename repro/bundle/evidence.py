"""One run as evidence: what compare, export, verify and issue texts read of a run directory."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import msgspec

from repro import yaml_file
from repro.errors import InputError, printable
from repro.runs.events import Number
from repro.runs.measurements import Progress
from repro.runs.records import Result, RunRecord, State
from repro.runs.store import RunDirectory
from repro.scenario.types import Scenario

MAX_RECORD_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Evidence:
    """A run directory of the store or of a bundle, read when asked."""

    run: RunDirectory
    origin: str = ""

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
        fingerprint = {key: value for key, value in self.progress.fingerprint.items() if key != "first_epoch"}
        return {**record, "facts": {**record.get("facts", {}), **({"model": fingerprint} if fingerprint else {})}}

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
            found = self.result.measurements
        else:
            try:
                found = self.progress.measurements(labels=self.labels)
            except (ValueError, TypeError, OverflowError):
                raise InputError("damaged (its predictions do not fit its images)", file=self.id) from None
        try:
            msgspec.convert(found, Measurements)
        except msgspec.ValidationError as error:
            raise InputError(f"damaged (measurements: {printable(str(error))})", file=self.id) from None
        return found

    @property
    def verdict(self) -> str | None:
        return self.result.verdict if self.result is not None else None


def read_environment(run: RunDirectory) -> dict[str, Any]:
    """environment.json as plain data; {} where there is none, InputError where it is damaged."""
    path = run.file("environment.json")
    try:
        if path.stat().st_size > MAX_RECORD_BYTES:
            raise InputError("larger than 8 MiB", do="delete the run", file=path)
        data = msgspec.json.decode(path.read_bytes(), type=EnvironmentRecord)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"damaged ({printable(str(error))})", do="delete the run", file=path) from None
    if data.format > 1:
        raise InputError(f"written in format {data.format}", do="update repro: this one reads 1", file=path)
    found: dict[str, Any] = msgspec.to_builtins(data)
    return found


class Curves(msgspec.Struct):
    """What fit reports, one number an epoch."""

    loss: list[Number]
    accuracy: list[Number]


class Evaluation(msgspec.Struct):
    """Loss and accuracy on the training images."""

    loss: Number
    accuracy: Number


class Prediction(msgspec.Struct):
    """Probabilities (images, classes) and what follows from them."""

    probabilities: list[list[Number]]
    classes: list[int]
    distinct_classes: int
    accuracy: float | None = None


class Drift(msgspec.Struct):
    """Where the moving statistics stand."""

    updates: int
    momentum: float
    initial_weight: float
    moving_to_batch_distance: Number | None


class Measurements(msgspec.Struct):
    """The shape of result.json's `measurements`, as readers rely on it."""

    fit: Curves
    evaluate: Evaluation | None = None
    evaluate_training_phase: Evaluation | None = None
    predict: Prediction | None = None
    batch_norm: Drift | None = None
    weights_sha256: str | None = None


class EnvironmentRecord(msgspec.Struct):
    """environment.json as far as readers rely on it."""

    format: int
    facts: dict[str, Any] = {}
    missing: dict[str, str] = {}


def read_scenario(run: RunDirectory) -> Scenario:
    """scenario.yaml of a run; InputError where it cannot be read. Claims may name environments that we do not know."""
    path = run.file("scenario.yaml")
    document = yaml_file.read(path)
    return document.convert(Scenario)
