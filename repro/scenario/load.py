"""Finds and loads scenarios: shipped names or the user's files."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from repro.base import shipped, yaml_file
from repro.base.errors import InputError
from repro.base.text import one_line
from repro.scenario import claims_check, script_check
from repro.scenario.script_types import SCRIPT_FORMAT, AnyScenario, ScriptScenario
from repro.scenario.types import FORMAT, BatchNorm, Scenario


@dataclass(frozen=True)
class Loaded:
    """A valid scenario, where it came from, and its text as found."""

    scenario: AnyScenario
    file: Path
    document: yaml_file.Document

    @property
    def text(self) -> str:
        return self.document.text

    def beside(self, name: str) -> Path:
        """Return the path of a file or folder that the scenario names; it is beside the scenario's file."""
        return self.file.parent / name

    @property
    def images_directory(self) -> Path:
        """Folder of its images; InputError if a program trains."""
        return self.beside(self.require_images().images.directory)

    def require_images(self) -> Scenario:
        """Return the scenario if it trains images; InputError for one that runs a program."""
        if isinstance(self.scenario, ScriptScenario):
            do = f"repro run {one_line(self.file, 200)} --trust"
            self.document.fail("a script scenario cannot be used here", ("format",), do=do)
        return self.scenario

    @contextlib.contextmanager
    def faults_at(self, *key: str | int) -> Iterator[None]:
        """A fault within that has no file of its own stands on the line of `key`."""
        try:
            yield
        except InputError as error:
            if error.file is not None:
                raise
            self.document.fail(error.what, key, do=error.do)


def shipped_files() -> list[Path]:
    """Scenario files that come with the package, sorted by name."""
    return sorted(shipped.folder("scenarios").glob("*.yaml"))


def shipped_names() -> list[str]:
    """Names of the shipped scenarios."""
    return [file.stem for file in shipped_files()]


def find(argument: str) -> Path:
    """The file that an argument means: one with a `/` or ending in `.yaml` is a file, else a shipped name."""
    if "/" in argument or argument.endswith(".yaml"):
        return Path(argument)
    for file in shipped_files():
        if file.stem == argument:
            return file
    raise InputError(
        f"no scenario is called {one_line(argument, 60)!r}",
        do=f"choose from {', '.join(shipped_names())}, or name a .yaml file",
    )


def load(file: Path, *, environments: Collection[str]) -> Loaded:
    """Load `file` strictly; claims may name only the given `environments`."""
    document = yaml_file.read(file)
    return Loaded(_scenario(document, environments), file, document)


def of_run(file: Path) -> AnyScenario:
    """scenario.yaml of a run directory or a bundle; its claims may name environments that are not known here."""
    return _scenario(yaml_file.read(file), None)


def trains_as_shipped(scenario: AnyScenario) -> bool:
    """Return whether the shipped scenario of this name trains the same; its words and claims may differ."""
    if scenario.name not in shipped_names() or isinstance(scenario, ScriptScenario):
        return False
    shipped_one = of_run(find(scenario.name))
    parts = ("images", "model", "batch_norm", "compile", "fit")
    return all(getattr(shipped_one, part) == getattr(scenario, part) for part in parts)


def parse(text: str, *, name: str, environments: Collection[str]) -> AnyScenario:
    """A scenario from text that is in no file of its own (a run directory, a bundle); `name` is used in messages."""
    return _scenario(yaml_file.Document(name, text), environments)


def _scenario(document: yaml_file.Document, environments: Collection[str] | None) -> AnyScenario:
    """The scenario that a file says, checked; claims may name any environment where `environments` is None."""
    scenario: AnyScenario
    if document.format == SCRIPT_FORMAT:
        script_check.require_keys(document)
        scenario = document.convert(ScriptScenario, newest_format=SCRIPT_FORMAT)
        script_check.check(document, scenario)
    else:
        if "script" in document.lines_of(()) and document.format == FORMAT:
            document.fail("script: goes with format 2 only", ("script",), do="set format: 2")
        scenario = document.convert(Scenario, newest_format=SCRIPT_FORMAT)
        _check(document, scenario)
    claims_check.check(document, scenario.claims, environments)
    return scenario


def _check(document: yaml_file.Document, scenario: Scenario) -> None:
    """What the types alone cannot say."""
    _check_model(document, scenario)
    _check_folder(document, scenario.images.directory, ("images", "directory"))
    _check_validation(document, scenario)
    if scenario.images.convert is not None and scenario.images.channels != 1:
        document.fail("images.convert: L gives one channel", ("images", "convert"), do="set channels: 1")
    for index, name in enumerate(scenario.measure):
        if name in scenario.measure[:index]:
            document.fail(f"measure[{index}]: {name} stands twice", ("measure", index), do="keep one")
    for index, epoch in enumerate(scenario.measure_at):
        if epoch > scenario.fit.epochs:
            document.fail(
                f"measure_at[{index}]: epoch {epoch} is after the last one ({scenario.fit.epochs})",
                ("measure_at", index),
                do="leave it out, or train longer",
            )
    _check_batch_norm(document, scenario)
    for index, claim in enumerate(scenario.claims):
        for key, value in (("value", claim.value), ("to", claim.to)):
            source = str(value).partition(".")[0]
            if source in ("evaluate", "evaluate_training_phase", "predict") and source not in scenario.measure:
                document.fail(
                    f"claims[{index}].{key}: {value} is not measured",
                    ("claims", index, key),
                    do=f"add {source} to measure",
                )
            if source == "validation" and scenario.images.validation is None:
                document.fail(
                    f"claims[{index}].{key}: there are no validation images",
                    ("claims", index, key),
                    do="add `validation` to images",
                )


def _check_batch_norm(document: yaml_file.Document, scenario: Scenario) -> None:
    """Settings of BatchNormalization that make no sense together."""
    norm = scenario.batch_norm
    if norm is None:
        return
    given = [key for key in norm.__struct_fields__ if key in document.lines_of(("batch_norm",))]
    if not given:
        document.fail("batch_norm: says nothing", ("batch_norm",), do="give a key of it, or leave it out")
    others = [key for key in given if key != "replace_by"]
    if norm.replace_by is not None and others:
        document.fail(
            f"batch_norm.{others[0]}: replace_by leaves no BatchNormalization layer for it",
            ("batch_norm", others[0]),
            do="keep one of the two",
        )
    clash = _clash(norm)
    if clash is not None:
        key, why = clash
        document.fail(f"batch_norm.{key}: {why}", ("batch_norm", key), do="leave one of the two out")
    if norm.replace_by is not None or not norm.trainable:
        for index, claim in enumerate(scenario.claims):
            for key, value in (("value", claim.value), ("to", claim.to)):
                if str(value).startswith("batch_norm."):
                    document.fail(
                        f"claims[{index}].{key}: {value} is not measured, since no moving statistics move here",
                        ("claims", index, key),
                        do="leave the claim out",
                    )


def _clash(norm: BatchNorm) -> tuple[str, str] | None:
    """Key and reason of two settings of which one is without effect or meaning."""
    if not norm.trainable:
        if norm.momentum is not None:
            return "momentum", "has no effect on frozen layers, whose moving statistics stand still"
        if norm.renorm:
            return "renorm", "has no effect on frozen layers"
        if norm.synchronized:
            return "synchronized", "has no effect on frozen layers, which take no batch statistics"
        if norm.statistics != "moving":
            return "statistics", "frozen layers take no batch statistics to measure with"
    if norm.statistics == "debiased":
        if norm.renorm:
            return "statistics", "renorm averages standard deviations, which debiased does not undo"
        if norm.momentum == 1.0:
            return "statistics", "at momentum 1 nothing but the initial values is averaged"
    return None


def _check_model(document: yaml_file.Document, scenario: Scenario) -> None:
    model = scenario.model
    if model.application is None and model.python is None:
        document.fail("the key model.application is missing", ("model",), do="add it, or model.python: your own file")
    if model.application is not None and model.python is not None:
        document.fail("model: application and python exclude each other", ("model", "python"), do="keep one")
    if model.python is None:
        if model.function != "build" or model.build_seconds != 120:
            document.fail("model: function and build_seconds go with python only", ("model",), do="leave them out")
    elif ".." in PurePosixPath(model.python).parts:
        document.fail(
            "model.python: must stay inside the scenario's folder",
            ("model", "python"),
            do="use a relative path without '..'",
        )


def _check_folder(document: yaml_file.Document, name: str, at: yaml_file.KeyPath) -> None:
    if script_check.leads_out(name):
        document.fail(
            f"{'.'.join(map(str, at))}: must stay inside the scenario's folder",
            at,
            do="use a relative path without '..', or give a folder with --images",
        )


def _check_validation(document: yaml_file.Document, scenario: Scenario) -> None:
    validation = scenario.images.validation
    if validation is None:
        return
    at = ("images", "validation")
    if scenario.images.layout != "folder-per-class":
        document.fail("images.validation: goes with folder-per-class only", at, do="set layout: folder-per-class")
    if (validation.directory is None) == (validation.split is None):
        document.fail("images.validation: needs directory or split, and not both", at, do="give one")
    if validation.directory is not None:
        _check_folder(document, validation.directory, (*at, "directory"))
