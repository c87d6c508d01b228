"""What is to be run, from the options of `run` and `sweep`; every input is checked before anything starts."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from repro.base.errors import InputError, ReproError, UnusableError
from repro.base.number_ranges import parse_numbers, split_list
from repro.cli.common import echo_text
from repro.environment import check as environment_check
from repro.environment import definition
from repro.environment.record import usable_cores
from repro.environment.requirements import require_abilities, require_application, require_gpu
from repro.runs.plan import Plan
from repro.runs.records import Device
from repro.scenario import images as scenario_images
from repro.scenario import load as scenario_load
from repro.scenario import own_model


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Options as they were given; a command that lacks one leaves it at its default."""

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
    def of(cls, options: dict[str, Any]) -> Self:
        """Those of a command's options that say what is to be run."""
        return cls(**{field.name: options[field.name] for field in fields(cls) if field.name in options})


def make_plans(asked: Asked, *, here: bool = True) -> list[Plan]:
    """All runs that are asked for; every input is checked before any of them starts.

    Not `here`: they run on other machines, so the environments need not be installed on this one.
    """
    from repro.runs.checkpoint_interval import checkpoint_seconds

    checkpoint_seconds()
    names = list(asked.scenarios) + (scenario_load.shipped_names() if asked.all_scenarios else [])
    if not names:
        raise InputError("no scenario is named", do="name one (repro list), or give --all")
    known = definition.names()
    files: dict[Path, scenario_load.Loaded] = {}
    for name in names:
        one = scenario_load.load(scenario_load.find(name), environments=known)
        files.setdefault(one.file.resolve(), one)
    loaded = list(files.values())
    shipped = {file.resolve() for file in scenario_load.shipped_files()}
    for one in loaded:
        own_model.require_trust(one.scenario, trusted=asked.trust, file=one.file)
    sources = [own_model.read(one) for one in loaded]
    environments = choose_environments(asked.environments)
    seeds = parse_numbers(asked.seeds, asked.seed_option) or [0]
    sets = [scenario_images.load_for(one, folder=asked.images, convert=asked.convert) for one in loaded]
    left_out = _left_out(asked, environments, loaded, here=here)
    drifts = {one.name: _drift(one, asked.allow_drift) if here else [] for one in environments}
    return [
        Plan(
            scenario=one.scenario,
            scenario_text=one.text,
            environment=environment,
            seed=seed,
            images=images,
            shipped_images=asked.images is None and one.file.resolve() in shipped,
            threads=asked.threads or usable_cores(),
            command=["repro", *sys.argv[1:]],
            device=asked.device,
            deterministic=asked.deterministic,
            keep_weights=asked.keep_weights,
            traced=asked.trace,
            drift=tuple(drifts[environment.name]),
            model_source=source,
        )
        for seed in seeds
        for environment in environments
        for one, images, source in zip(loaded, sets, sources, strict=True)
        if (one.file, environment.name) not in left_out
    ]


def _left_out(
    asked: Asked, environments: list[definition.Environment], loaded: list[scenario_load.Loaded], *, here: bool
) -> dict[tuple[Path, str], str]:
    """Runs that cannot be, by file and environment, with what to call their scenario.

    They are left out of `--all` and `--environment all`; else, and where nothing is left, they are a fault.
    """
    names = [one.scenario.name for one in loaded]
    found = {}
    fault: ReproError | None = None
    for environment in environments:
        for one in loaded:
            try:
                if asked.device == "gpu":
                    require_gpu(environment, here=here)
                require_abilities(environment, one.scenario, traced=asked.trace)
                with one.faults_at("model", "application"):
                    require_application(environment, one.scenario)
            except (InputError, UnusableError) as error:
                if not (asked.all_scenarios or split_list(asked.environments, "--environment") == ["all"]):
                    raise
                name = one.scenario.name
                found[one.file, environment.name] = name if names.count(name) == 1 else f"{name} ({one.file})"
                fault = error
    if fault is not None and len(found) == len(environments) * len(loaded):
        raise fault
    for name, where in sorted((name, where) for (_, where), name in found.items()):
        echo_text(f"repro: {name} is left out in {where}, which cannot run it so", err=True)
    return found


def choose_environments(named: tuple[str, ...]) -> list[definition.Environment]:
    """The environments that were named; `all`: those that are installed; none named: the default."""
    names = split_list(named, "--environment") or [definition.DEFAULT]
    if names == ["all"]:
        found = [one for one in definition.shipped_environments().values() if one.is_installed()]
        if not found:
            raise UnusableError("no environment is installed", do="repro environment install keras-3")
        return found
    return [definition.get(name) for name in names]


def _drift(environment: definition.Environment, allowed: bool) -> list[str]:
    lines = environment_check.drift(environment)
    if lines and not allowed:
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        raise UnusableError(
            f"the environment {environment.name} differs from its lock ({lines[0]}{more})",
            do=f"repro environment install {environment.definition.installation} --again, or --allow-drift",
        )
    return lines
