"""`repro run`: train scenarios and decide their claims."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from repro.cli.common import json_option, numbers, open_store, print_json, run_object, split, store_option
from repro.environment import applications, definition
from repro.environment import check as environment_check
from repro.environment.record import IMAGE_FILE, usable_cores
from repro.errors import ExitCode, InputError, UnusableError
from repro.runs.measurements import Progress
from repro.runs.plan import Plan
from repro.runs.store import RunDirectory, Store
from repro.scenario import images as scenario_images
from repro.scenario import load as scenario_load
from repro.scenario import own_model

_WAS = {"failed": "failed", "stopped": "was stopped", "interrupted": "was interrupted"}
# Several runs: the highest of these counts, in this order of weight.
_WEIGHT = [ExitCode.DONE, ExitCode.NOT_REPRODUCED, ExitCode.UNUSABLE, ExitCode.ENDED_EARLY]


@click.command("run")
@click.argument("scenarios", nargs=-1, metavar="NAME|FILE...")
@click.option("--all", "all_scenarios", is_flag=True, help="All shipped scenarios.")
@click.option("--environment", "environments", multiple=True, metavar="E", help="Repeat it, or `all` installed ones.")
@click.option("--seed", "seeds", multiple=True, metavar="N", help="Repeat it, or 0,1,2 or 0:3.  [default: 0]")
@click.option("--images", type=click.Path(path_type=Path), help="Your own images: one file per class.")
@click.option("--convert", type=click.Choice(["L"]), help="Turn colour images into greyscale.")
@click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of one operation.  [default: usable cores]")
@click.option("--deterministic", is_flag=True, help="Turn op determinism on (changes the bits).")
@click.option("--keep-weights", is_flag=True, help="Keep the final weights (94 MB for ResNet50).")
@click.option("--trace", is_flag=True, help="Keep every step's batch statistics, for what-if.")
@click.option("--trust", is_flag=True, help="Run the Python code of a scenario with a model of its own.")
@click.option("--allow-drift", is_flag=True, help="Run although packages differ from the lock; recorded.")
@click.option("--detach", is_flag=True, help="Start in the background and print the first run's id.")
@click.option("--plain", is_flag=True, help="Plain lines instead of a progress bar.")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Train scenarios and decide their claims.

    A NAME is a shipped scenario (repro list); an argument with a / or ending in .yaml is a file.
    """
    store = open_store(options["store"])
    if options["detach"]:
        refuse_detach_in_container()
    plans = make_plans(options)
    store.check_writable()
    if options["detach"]:
        _detach(plans, store, as_json=options["as_json"])
        return
    ctx.exit(_run_all(plans, store, as_json=options["as_json"], plain=options["plain"]))


def make_plans(options: dict[str, Any]) -> list[Plan]:
    """All runs that the options ask for; every input is checked before any of them starts."""
    from repro.runs.supervisor import checkpoint_seconds

    checkpoint_seconds()
    names = list(options["scenarios"]) + (scenario_load.shipped_names() if options["all_scenarios"] else [])
    if not names:
        raise InputError("no scenario is named", do="name one (repro list), or give --all")
    known = definition.names()
    loaded = [scenario_load.load(scenario_load.find(name), environments=known) for name in dict.fromkeys(names)]
    for one in loaded:
        own_model.require_trust(one.scenario, trusted=options["trust"], file=one.file)
    sources = [own_model.read(one) for one in loaded]
    environments = choose_environments(options["environments"])
    seeds = numbers(options["seeds"], "--seed") or [0]
    sets = [
        scenario_images.load(
            options["images"] or one.images_directory,
            one.scenario.images,
            one.scenario.model.classes,
            convert=options["convert"],
            base=one.file.parent,
        )
        for one in loaded
    ]
    for one in loaded:
        for environment in environments:
            applications.require(environment, one.scenario)
    drifts = {environment.name: _drift(environment, options["allow_drift"]) for environment in environments}
    return [
        Plan(
            scenario=one.scenario,
            scenario_text=one.text,
            environment=environment,
            seed=seed,
            images=images,
            shipped_images=options["images"] is None and one.file in scenario_load.shipped_files(),
            threads=options["threads"] or usable_cores(),
            command=["repro", *sys.argv[1:]],
            device=options["device"],
            deterministic=options["deterministic"],
            keep_weights=options["keep_weights"],
            traced=options["trace"],
            drift=tuple(drifts[environment.name]),
            model_source=source,
        )
        for seed in seeds
        for environment in environments
        for one, images, source in zip(loaded, sets, sources, strict=True)
    ]


def choose_environments(asked: tuple[str, ...]) -> list[definition.Environment]:
    """The environments that were named; `all`: those that are installed; none named: the default."""
    names = split(asked, "--environment") or [definition.DEFAULT]
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


def _run_all(plans: list[Plan], store: Store, *, as_json: bool, plain: bool) -> int:
    codes: list[ExitCode] = []
    for index, plan in enumerate(plans):
        if index and ExitCode.ENDED_EARLY in codes and _was_signalled(codes):
            break
        run, code = run_one(plan, store, plain=plain, position=(index + 1, len(plans)))
        codes.append(code)
        print_run(run, as_json=as_json)
    return int(max(codes, key=_WEIGHT.index))


def _was_signalled(codes: list[ExitCode]) -> bool:
    from repro.cli import progress

    return progress.signalled and codes[-1] == ExitCode.ENDED_EARLY


def run_one(
    plan: Plan, store: Store, *, plain: bool, position: tuple[int, int] = (1, 1)
) -> tuple[RunDirectory, ExitCode]:
    """One run in the foreground, its progress on standard error."""
    from repro.cli.progress import show_progress
    from repro.runs.supervisor import supervise

    run, lock = plan.create(store)
    with show_progress(run, plan.scenario, plan.environment.name, plan.seed, plain=plain, position=position) as display:
        code = supervise(run, lock, run.record(), plan.scenario, plan.environment, display)
    say_why(run, display.progress)
    return run, code


def say_why(run: RunDirectory, progress: Progress) -> None:
    """The one line on standard error of a run that did not finish."""
    ended = progress.ended
    if ended is None or ended.state == "finished":
        return
    where = f"see {run.file('worker.log')}" if ended.state == "failed" else f"repro resume {run.id.rpartition('-')[2]}"
    click.echo(f"repro: the run {run.id} {_WAS[ended.state]} ({ended.reason}): {where}", err=True)


def print_run(run: RunDirectory, *, as_json: bool) -> None:
    """One run on standard output."""
    from repro.cli.figures import run_text

    found = run_object(run)
    if as_json:
        print_json(found)
    else:
        click.echo(run_text(found))
        click.echo()


def refuse_detach_in_container() -> None:
    """A background process ends with its container."""
    if IMAGE_FILE.is_file():
        words = " ".join(word for word in sys.argv[1:] if word != "--detach")
        raise InputError("--detach would end with this container", do=f"docker compose run -d repro {words}")


def in_background(work: Callable[[Callable[[str], None]], int]) -> str:
    """Call `work(say)` in a process of its own session and return the first thing it says.

    `work` returns the process's exit code; UnusableError where it ends without a word, or says "error ...".
    """
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.close(read_end)
        _child(work, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        kind, _, text = stream.read().decode().partition(" ")
    if kind != "run":
        raise UnusableError(text.strip() or "the run could not be started", do="try without --detach")
    return text.strip()


def _child(work: Callable[[Callable[[str], None]], int], report: int) -> None:
    """The background process; never returns."""
    left = [report]

    def say(text: str) -> None:
        if left:
            os.write(left[0], text.encode())
            os.close(left.pop())

    code = int(ExitCode.ENDED_EARLY)
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        code = work(say)
    except UnusableError as error:
        say(f"error {error}")
    finally:
        os._exit(code)


def _detach(plans: list[Plan], store: Store, *, as_json: bool) -> None:
    """Do the runs one after another in the background; return when the first has begun."""
    from repro.runs.supervisor import supervise

    def work(say: Callable[[str], None]) -> int:
        codes = []
        for plan in plans:
            run, lock = plan.create(store)
            say(f"run {run.id}")
            codes.append(supervise(run, lock, run.record(), plan.scenario, plan.environment))
            if codes[-1] == ExitCode.ENDED_EARLY and run.progress().stop_requested is not None:
                break
        return int(max(codes, key=_WEIGHT.index))

    first = in_background(work)
    if as_json:
        print_json(run_object(store.find(first), with_measurements=False))
    else:
        click.echo(first)
    if len(plans) > 1:
        click.echo(f"repro: {len(plans) - 1} more follow, one after another", err=True)
