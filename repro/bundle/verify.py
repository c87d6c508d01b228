"""Runs a bundle's scenario again here and says how close the result is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import UNSET

from repro.base import arrays
from repro.base.difference import DifferenceRow
from repro.base.errors import InputError, UnusableError
from repro.base.text import one_line
from repro.bundle.read import Bundle
from repro.bundle.recording_files import is_program_text
from repro.bundle.refusal import bad
from repro.environment import check, definition, diff
from repro.environment.facts import facts_of
from repro.environment.machine import ONEDNN
from repro.environment.requirements import require_gpu
from repro.explain.diagnosis import diagnose
from repro.runs import layout
from repro.runs.plan import Plan
from repro.runs.records import Measurements
from repro.runs.view import RunView
from repro.scenario import images as scenario_images
from repro.scenario import own_model
from repro.scenario.image_record import ImageRecord
from repro.scenario.script_types import ScriptScenario
from repro.scenario.types import Scenario

Grade = Literal["bit-identical", "within tolerance", "same verdict", "different"]
RELATIVE_TOLERANCE = 1e-4
ASK_ABOVE_SECONDS = 600.0
ASK_ABOVE_BYTES = 4 * 1024**3
MAX_THREADS = 1024
# A step of ResNet50 on three images of 197 x 197 never took less here; a floor for what a bundle says of its time.
FLOOR_SECONDS_PER_PIXEL = 0.2 / (3 * 197 * 197)
# The same for its memory, per pixel of a batch: training took 1.1 KiB with MobileNet, 2.2 with ResNet50 (keras-3).
FLOOR_BYTES_PER_PIXEL = 1024


@dataclass(frozen=True)
class Verification:
    """One run of a bundle that is to be done again."""

    evidence: RunView
    plan: Plan
    # What TF_ENABLE_ONEDNN_OPTS must be for the bundle's kernels; None: not set.
    onednn: str | None
    seconds: float
    # 0: not known.
    memory_bytes: int

    @property
    def summary(self) -> str:
        """What is to be done, in one line."""
        plan = self.plan
        words = f"{plan.scenario.name} in {plan.environment.name}, seed {plan.seed}, {plan.threads} threads"
        if self.onednn is not None:
            words += f", {ONEDNN}={self.onednn}"
        memory = "" if self.memory_bytes == 0 else f", {self.memory_bytes / 1024**3:.1f} GiB"
        return f"{words}: about {duration(self.seconds)}{memory}"


@dataclass(frozen=True)
class Outcome:
    """How the run here compares with the bundle's."""

    grade: Grade
    largest_relative_deviation: float | None
    differences: list[DifferenceRow]


def plan(bundle: Bundle, images: Path | None, command: list[str], *, trusted: bool = False) -> list[Verification]:
    """What has to be run; every input is checked before anything runs, and no code of a bundle that is not trusted.

    Recordings, which only their own program can make again, are not among it.
    """
    runs = [run for run in bundle.runs if not run.is_recording]
    for run in runs:
        own_model.require_trust(run.run.require_any_scenario(), trusted=trusted, file=bundle.path)
    return [_plan_one(bundle, run, images, command) for run in runs]


def _plan_one(bundle: Bundle, run: RunView, images: Path | None, command: list[str]) -> Verification:
    record = run.record
    if run.result is None:
        bad(bundle.path, f"the run {run.id} is {run.state}: it has no result to compare", "use --no-run")
    if not (1 <= record.threads <= MAX_THREADS and 0 <= record.seed < 2**32):
        bad(bundle.path, f"the run {run.id} has threads or a seed out of range")
    if definition.find(record.environment) is None:
        raise UnusableError(
            f"no environment is called {one_line(record.environment, 60)!r} here",
            do=f"known: {', '.join(definition.names())}",
            file=bundle.path,
        )
    scenario = run.run.require_any_scenario()
    is_program = isinstance(scenario, ScriptScenario)
    pixels = None if isinstance(scenario, ScriptScenario) else _images(bundle, run, scenario, images)
    environment = definition.get(record.environment)
    if record.device == "gpu":
        require_gpu(environment, run=run.id, instead="give --no-run: then only the records are checked")
    check.require_installed(environment)
    drift = check.drift(environment)
    if drift:
        raise UnusableError(
            f"the environment {environment.name} differs from its lock ({drift[0]})",
            do=f"repro environment install {environment.definition.installation} --again",
        )
    return Verification(
        evidence=run,
        plan=Plan(
            scenario=scenario,
            scenario_text=run.run.file(layout.SCENARIO).read_text(encoding="utf-8"),
            environment=environment,
            seed=record.seed,
            images=pixels,
            shipped_images=record.shipped_images and images is None,
            threads=record.threads,
            command=command,
            device=record.device,
            deterministic=record.deterministic,
            model_source=None if isinstance(scenario, ScriptScenario) else _model_source(bundle, run, scenario),
            program=_program(bundle, run) if is_program else None,
        ),
        onednn=onednn_of(run.environment, environment),
        seconds=_seconds(run, None if isinstance(scenario, ScriptScenario) else scenario),
        memory_bytes=_memory(run, None if isinstance(scenario, ScriptScenario) else scenario),
    )


def _program(bundle: Bundle, run: RunView) -> dict[str, bytes]:
    """The bundle's copy of a program and its files, which must be the very ones that were run."""
    assert run.record.script is not UNSET
    program = {}
    for file in sorted(run.record.script.files, key=lambda file: not file.name.endswith(".py")):
        path = run.run.file(f"{layout.PROGRAM}/{file.name}")
        if not path.is_file():
            missing = "--with-script" if is_program_text(f"{layout.PROGRAM}/{file.name}") else "--with-data"
            raise InputError(
                f"{one_line(file.name, 80)} of {run.id} is not inside, only its hash",
                do=f"use --no-run, or ask for a bundle made with {missing}",
                file=bundle.path,
            )
        program[file.name] = own_model.require_same(path.read_bytes(), file.sha256, f"{bundle.path}: {file.name}")
    return program


def _model_source(bundle: Bundle, run: RunView, scenario: Scenario) -> bytes | None:
    """The bundle's copy of an own model, which must be the very code that was run."""
    if scenario.model.python is None:
        return None
    file = run.run.file(layout.OWN_MODEL)
    if not file.is_file():
        bad(bundle.path, f"the own model of {run.id} is not inside", "use --no-run")
    return own_model.require_same(file.read_bytes(), run.record.model_sha256, f"{bundle.path}: {layout.OWN_MODEL}")


def _images(bundle: Bundle, run: RunView, scenario: Scenario, folder: Path | None) -> scenario_images.ImageSet:
    """The bundle's own pixels, or those of a folder that have the same hashes, in the order of the run."""
    record = run.record
    if run.run.file(layout.IMAGES).exists():
        images = _stored(bundle, run, scenario, layout.IMAGES, record.images)
        if not record.validation_images:
            return images
        return replace(
            images, validation=_stored(bundle, run, scenario, layout.VALIDATION_IMAGES, record.validation_images)
        )
    if folder is None:
        raise InputError(
            "holds only the hashes of its images", do="name the folder with the images: --images DIR", file=bundle.path
        )
    convert = scenario_images.conversion(scenario.images, [*record.images, *record.validation_images])
    images = scenario_images.load(folder, scenario.images, scenario.model.classes, convert=convert)
    training = _in_order(images, record.images, folder)
    if not record.validation_images:
        return training
    if images.validation is None:
        bad(bundle.path, f"{run.id} has validation images that its scenario does not ask for")
    return replace(training, validation=_in_order(images.validation, record.validation_images, folder))


def _stored(
    bundle: Bundle, run: RunView, scenario: Scenario, name: str, records: list[ImageRecord]
) -> scenario_images.ImageSet:
    """Pixels that lie in the bundle; their hashes were compared when it was opened."""
    file = run.run.file(name)
    if not file.exists():
        bad(bundle.path, f"{name} of {run.id} is missing")
    pixels = arrays.read_pixels(file)
    height, width = scenario.images.size
    if pixels.shape != (len(records), height, width, scenario.images.channels):
        bad(bundle.path, f"the images of {run.id} do not have the size that its scenario asks for")
    return scenario_images.ImageSet(pixels, records)


def _in_order(images: scenario_images.ImageSet, records: list[ImageRecord], folder: Path) -> scenario_images.ImageSet:
    """The images that have the hashes of `records`, in their order."""
    import numpy as np

    positions = {image.pixels_sha256: index for index, image in enumerate(images.records)}
    missing = [record for record in records if record.pixels_sha256 not in positions]
    if missing:
        what = f"{len(missing)} of {len(records)} images do not have the hashes of the bundle"
        raise InputError(what, do="name the folder with the very images that were trained on", file=folder)
    order = [positions[record.pixels_sha256] for record in records]
    return scenario_images.ImageSet(np.ascontiguousarray(images.pixels[order]), records)


def onednn_of(record: dict[str, Any], environment: definition.Environment) -> str | None:
    """What the variable must be so that the same kernels are chosen; TensorFlow 1 knows no such choice."""
    facts = record.get("facts", {})
    variables = facts.get("variables")
    recorded = variables.get(ONEDNN) if isinstance(variables, dict) else None
    if recorded in ("0", "1"):
        return str(recorded)
    if isinstance(facts.get("onednn"), bool) and environment.definition.adapter != "keras-2":
        return "1" if facts["onednn"] else "0"
    return None


def _seconds(run: RunView, scenario: Scenario | None) -> float:
    """What the run took, or the least that so many pixels can take, whichever is longer. `scenario` None: a program."""
    took = run.result.seconds.get("total", 0.0) if run.result is not None else 0.0
    if scenario is None:
        return took if math.isfinite(took) and took > 0 else 0.0
    height, width = scenario.images.size
    pixels = height * width * len(run.record.images)
    own = scenario.model.python is not None  # may be a network of any size
    floor = 0.0 if own else scenario.fit.epochs * pixels * FLOOR_SECONDS_PER_PIXEL
    took = took if math.isfinite(took) and took > 0 else 0.0
    return max(took, sum(seconds for seconds in run.progress.epoch_seconds if seconds > 0), floor)


def _memory(run: RunView, scenario: Scenario | None) -> int:
    """What the run took, or the least that so many pixels at once can take, whichever is more. None: a program."""
    if scenario is None:
        return run.progress.peak_memory_bytes or 0
    height, width = scenario.images.size
    pixels = height * width * min(scenario.fit.batch_size, len(run.record.images))
    own = scenario.model.python is not None  # may be a network of any size
    return max(run.progress.peak_memory_bytes or 0, 0 if own else pixels * FLOOR_BYTES_PER_PIXEL)


class Costs(Protocol):
    """What is to be done, as far as it costs time and memory."""

    @property
    def seconds(self) -> float:
        """About how long it takes."""

    @property
    def memory_bytes(self) -> int:
        """How much memory it takes; 0 if that is not known."""


def needs_consent(verifications: Sequence[Costs]) -> str | None:
    """Why --yes is needed, None where it is not."""
    seconds = sum(one.seconds for one in verifications)
    memory = max((one.memory_bytes for one in verifications), default=0)
    if not seconds <= ASK_ABOVE_SECONDS:
        return f"this takes about {duration(seconds)}"
    if memory > ASK_ABOVE_BYTES:
        return f"this takes about {memory / 1024**3:.1f} GiB of memory"
    return None


def duration(seconds: float) -> str:
    if not seconds < 1e9:
        return "many years"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


# --- grades ---


def grade(theirs: RunView, ours: RunView) -> Outcome:
    """How close our finished run is to theirs."""
    deviation = largest_deviation(theirs.figures, ours.figures)
    differences = _differences(theirs, ours)
    same_verdict = theirs.verdict == ours.verdict
    if theirs.is_recording:  # it claims nothing; its verdict is what its figures say
        same_verdict = diagnose(theirs.run)[0].cause == diagnose(ours.run)[0].cause
    hashes = {run.figures.figure("weights_sha256") for run in (theirs, ours)}
    assigned: Grade
    if len(hashes) == 1 and None not in hashes:
        assigned = "bit-identical"
    elif deviation is not None and deviation <= RELATIVE_TOLERANCE:
        assigned = "within tolerance"
    elif same_verdict:
        assigned = "same verdict"
    else:
        assigned = "different"
    return Outcome(assigned, deviation, differences)


def _differences(theirs: RunView, ours: RunView) -> list[DifferenceRow]:
    """How the environments differ; how the same kernels were asked for is no difference."""
    found = diff.differences([theirs.facts_record, ours.facts_record])
    states = [run.environment.get("facts", {}).get("onednn") for run in (theirs, ours)]
    if states[0] is not None and states[0] == states[1]:
        found = [one for one in found if one.name != f"variables.{ONEDNN}"]
    return found


def why_not_identical(outcome: Outcome, theirs: RunView) -> str | None:
    """Why the bits are not the same, as far as it is known; None where they are the same."""
    if outcome.grade == "bit-identical":
        return None
    first = next((one for one in outcome.differences if one.explains), None)
    if first is not None:
        return f"the likeliest reason is {first.group} ({first.name}): {first.why} ({first.source})"
    facts = facts_of(theirs.environment)
    if str(facts.get("versions.tensorflow", "")).startswith("1."):
        several = f" with {theirs.record.threads} threads" if theirs.record.threads > 1 else ""
        return (
            f"the environments differ in nothing that matters; two runs in a TensorFlow 1 session{several} on one "
            "machine differ as well, from the second epoch on (docs/bundle.md)"
        )
    return "the environments differ in nothing that is recorded and can change a figure"


def largest_deviation(theirs: Measurements, ours: Measurements) -> float | None:
    """Largest relative deviation of all losses and probabilities; None where not the same things were measured."""
    left, right = dict(_numbers(theirs)), dict(_numbers(ours))
    if left.keys() != right.keys():
        return None
    return max((_relative(left[key], right[key]) for key in left), default=None)


def _numbers(measurements: Measurements) -> Iterator[tuple[str, float]]:
    for index, value in enumerate(measurements.fit.loss):
        yield f"fit.loss[{index}]", float(value)
    for group in ("evaluate", "evaluate_training_phase", "validation"):
        loss = measurements.figure(f"{group}.loss")
        if loss is not None:
            yield f"{group}.loss", float(loss)
    for row, values in enumerate(measurements.figure("predict.probabilities") or []):
        for column, value in enumerate(values):
            yield f"predict.probabilities[{row}][{column}]", float(value)


def _relative(left: float, right: float) -> float:
    """|left - right| / max(|left|, |right|); 0 for equal values (infinite ones and nan too)."""
    if left == right or (math.isnan(left) and math.isnan(right)):
        return 0.0
    if not (math.isfinite(left) and math.isfinite(right)):
        return math.inf
    return abs(left - right) / max(abs(left), abs(right))
