"""What is to be run, from the options of `run` and `sweep`; every input is checked before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from repro.base.errors import InputError, ReproError, UnusableError
from repro.base.number_ranges import parse_numbers
from repro.environment import check as environment_check
from repro.environment import definition
from repro.environment.named import named, split_names
from repro.environment.record import usable_cores
from repro.environment.requirements import require_abilities, require_application, require_gpu
from repro.runs.checkpoint_interval import checkpoint_seconds
from repro.runs.plan import Plan
from repro.runs.records import Device
from repro.scenario import images as scenario_images
from repro.scenario import load as scenario_load
from repro.scenario import own_model, script_files
from repro.scenario.script_types import ScriptScenario


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `run` and `sweep` as they were typed; a command that lacks one leaves it at its default."""

    scenarios: tuple[str, ...] = ()
    all_scenarios: bool = False
    environments: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    seed_option: str = "--seed"
    images: Path | None = None
    convert: str | None = None
    device: Device = "auto"
    threads: int | None = None
    deterministic: bool = False
    keep_weights: bool = False
    trace: bool = False
    trust: bool = False
    allow_drift: bool = False

    @classmethod
    def from_click(cls, parameters: Mapping[str, Any]) -> Self:
        """Return those parameters of a command that say what is to be run."""
        return cls(**{field.name: parameters[field.name] for field in fields(cls) if field.name in parameters})


def make_plans(
    options: RunOptions,
    *,
    command: Sequence[str],
    is_local: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> list[Plan]:
    """Return all runs that the options ask for; every input is checked first, ReproError if one is wrong.

    `command`: the command line, for the records. Not `is_local`: other machines make the runs, so the environments
    need not be installed on this one. `report` gets a line for each run that is left out.
    """
    checkpoint_seconds()
    names = list(options.scenarios) + (scenario_load.shipped_names() if options.all_scenarios else [])
    if not names:
        raise InputError("no scenario is named", do="name one (repro list), or give --all")
    files: dict[Path, scenario_load.Loaded] = {}
    for name in names:
        scenario = scenario_load.load(scenario_load.find(name), environments=definition.names())
        files.setdefault(scenario.file.resolve(), scenario)
    loaded = list(files.values())
    shipped = {file.resolve() for file in scenario_load.shipped_files()}
    for scenario in loaded:
        own_model.require_trust(scenario.scenario, trusted=options.trust, file=scenario.file)
        if isinstance(scenario.scenario, ScriptScenario):
            _refuse_options_of_images(options, scenario, is_local=is_local)
    sources = [own_model.read(scenario) for scenario in loaded]
    programs = [script_files.read(scenario) for scenario in loaded]
    environments = choose_environments(options.environments)
    seeds = parse_seeds(options)
    image_sets = [_image_set(one, options) for one in loaded]
    left_out = _left_out(options, environments, loaded, is_local=is_local)
    for name, environment_name in sorted((name, environment) for (_, environment), name in left_out.items()):
        report(f"{name} is left out in {environment_name}, which cannot run it so")
    drifts = {one.name: _drift(one, options.allow_drift) if is_local else [] for one in environments}
    return [
        Plan(
            scenario=one.scenario,
            scenario_text=one.text,
            environment=environment,
            seed=seed,
            images=images,
            shipped_images=options.images is None and one.file.resolve() in shipped,
            threads=options.threads or usable_cores(),
            command=list(command),
            device=options.device,
            deterministic=options.deterministic,
            keep_weights=options.keep_weights,
            traced=options.trace,
            drift=tuple(drifts[environment.name]),
            model_source=source,
            program=program,
        )
        for seed in seeds
        for environment in environments
        for one, images, source, program in zip(loaded, image_sets, sources, programs, strict=True)
        if (one.file, environment.name) not in left_out
    ]


def parse_seeds(options: RunOptions) -> list[int]:
    """Return the seeds that are asked for, 0 without any."""
    return parse_numbers(options.seeds, options.seed_option) or [0]


def _refuse_options_of_images(options: RunOptions, loaded: scenario_load.Loaded, *, is_local: bool) -> None:
    """Refuse the options that mean nothing where a program trains: InputError."""
    for given, option, do in (
        (options.images is not None, "--images", "name its data under script.files"),
        (options.convert is not None, "--convert", "leave it out"),
        (options.trace, "--trace", "leave it out: what-if answers from the trials that are made in the program"),
        (options.keep_weights, "--keep-weights", "leave it out: the program can save them"),
        (options.deterministic, "--deterministic", "leave it out: the program can ask Keras for it"),
        (not is_local, "--scheduler", "leave it out: programs run on this machine only"),
    ):
        if given:
            raise InputError(f"{loaded.scenario.name}: a script scenario has no {option}", do=do)


def _image_set(loaded: scenario_load.Loaded, options: RunOptions) -> scenario_images.ImageSet | None:
    if isinstance(loaded.scenario, ScriptScenario):
        return None
    return scenario_images.load_for(loaded, folder=options.images, convert=options.convert)


def _left_out(
    options: RunOptions,
    environments: list[definition.Environment],
    loaded: list[scenario_load.Loaded],
    *,
    is_local: bool,
) -> dict[tuple[Path, str], str]:
    """Return the runs that their environment cannot make, by file and environment, with a name for the scenario.

    `--all` and `--environment all` leave them out. Otherwise, and if nothing would be left, their reason is raised.
    """
    names = [one.scenario.name for one in loaded]
    left_out = {}
    fault: ReproError | None = None
    for environment in environments:
        for one in loaded:
            try:
                if options.device == "gpu":
                    require_gpu(environment, here=is_local)
                if isinstance(one.scenario, ScriptScenario):
                    continue
                require_abilities(environment, one.scenario, traced=options.trace)
                with one.faults_at("model", "application"):
                    require_application(environment, one.scenario)
            except (InputError, UnusableError) as error:
                if not (options.all_scenarios or split_names(options.environments, "--environment") == ["all"]):
                    raise
                name = one.scenario.name
                left_out[one.file, environment.name] = name if names.count(name) == 1 else f"{name} ({one.file})"
                fault = error
    if fault is not None and len(left_out) == len(environments) * len(loaded):
        raise fault
    return left_out


def choose_environments(names_given: tuple[str, ...]) -> list[definition.Environment]:
    """Return the named environments; for `all` those that are installed, without a name the default one."""
    names = split_names(names_given, "--environment") or [definition.DEFAULT]
    if names == ["all"]:
        installed = [one for one in definition.shipped_environments().values() if one.is_installed()]
        if not installed:
            raise UnusableError("no environment is installed", do="repro environment install keras-3")
        return installed
    return [named(name) for name in names]


def _drift(environment: definition.Environment, allowed: bool) -> list[str]:
    lines = environment_check.drift(environment)
    if lines and not allowed:
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        raise UnusableError(
            f"the environment {environment.name} differs from its lock ({lines[0]}{more})",
            do=f"repro environment install {environment.definition.installation} --again, or --allow-drift",
        )
    return lines
