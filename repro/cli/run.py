"""`repro run`: train scenarios and decide their claims."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from repro.base import defects
from repro.base.errors import EndedEarlyError, ExitCode, InputError, ReproError, UnusableError
from repro.cli import progress
from repro.cli.basics import training_options
from repro.cli.common import echo_note, echo_text, json_option, open_store, print_json, store_option
from repro.cli.environments import make_named
from repro.cli.figures import run_text
from repro.cli.progress import show_progress
from repro.environment.record import IMAGE_FILE
from repro.runs import events, grouping, layout, reuse
from repro.runs.directory import RunDirectory
from repro.runs.plan import Plan
from repro.runs.planning import RunOptions, make_plans
from repro.runs.progress import Progress
from repro.runs.run_json import run_json
from repro.runs.store import Store
from repro.supervise.supervisor import supervise

DETACHED_LOG = ".detached.log"
_WAS = {"failed": "failed", "stopped": "was stopped", "interrupted": "was interrupted"}


@click.command("run")
@click.argument("scenarios", nargs=-1, metavar="NAME|FILE...")
@click.option("--all", "all_scenarios", is_flag=True, help="All shipped scenarios.")
@click.option("--seed", "seeds", multiple=True, metavar="N", help="Repeat it, or 0,1,2 or 0:3.  [default: 0]")
@training_options
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of one operation.  [default: usable cores]")
@click.option("--keep-weights", is_flag=True, help="Keep the final weights (94 MB for ResNet50).")
@click.option("--trace", is_flag=True, help="Keep every step's batch statistics, for what-if.")
@click.option("--direct", is_flag=True, help="Train each run, also where one training answers several.")
@click.option("--again", is_flag=True, help="Train anew what a finished run in the store answers.")
@click.option("--allow-drift", is_flag=True, help="Run although packages differ from the lock; recorded.")
@click.option("--detach", is_flag=True, help="Start in the background and print the first run's id.")
@click.option("--plain", is_flag=True, help="Plain lines instead of a progress bar.")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Train scenarios and decide their claims.

    A NAME is a shipped scenario (repro list); an argument with a / or ending in .yaml is a file. Scenarios that differ
    only in momentum, number of epochs and measurements are trained once, the longest, and the others derived from it.
    """
    store = open_store(options["store"])
    if options["detach"]:
        refuse_detach_in_container()
    options["environments"] = make_named(options["environments"])
    plans = make_plans(RunOptions.from_click(options), command=["repro", *sys.argv[1:]], report=echo_note)
    store.check_writable()
    batch = RunBatch(plans, store, direct=options["direct"], again=options["again"])
    if options["detach"]:
        _detach(batch, as_json=options["as_json"])
        return
    ctx.exit(_run_all(batch, as_json=options["as_json"], plain=options["plain"]))


class RunBatch:
    """The runs of some plans: those that finished before and answer a plan, and those still to be made, in groups."""

    def __init__(self, plans: list[Plan], store: Store, *, direct: bool, again: bool) -> None:
        self.store = store
        found = [None if again else reuse.find_finished(store, plan, trained=direct) for plan in plans]
        self.finished = [run for run in found if run is not None]
        missing = [plan for plan, run in zip(plans, found, strict=True) if run is None]
        self.groups = [[plan] for plan in missing] if direct else grouping.group_by_training(missing)
        self.count = len(missing)

    def run_all(
        self, run_plan: Callable[[Plan], tuple[RunDirectory, ExitCode]]
    ) -> Iterator[tuple[RunDirectory, ExitCode]]:
        """Yield one run after another; if a training did not finish, or left no trace, the others are trained, too.

        A network without BatchNormalization layers leaves none.
        """
        for leader, *others in self.groups:
            run, code = run_plan(leader)
            yield run, code
            has_trace = run.file(layout.TRACE_HEADER).is_file()
            source = run.id if others and has_trace and run.state() == "finished" else None
            for plan in others:
                yield run_plan(dataclasses.replace(plan, derived_from=source))


def _run_all(batch: RunBatch, *, as_json: bool, plain: bool) -> int:
    codes: list[ExitCode] = []
    for run in batch.finished:
        result = run.result()
        assert result is not None
        echo_text(f"repro: {run.id} answers this already: --again trains anew", err=True)
        print_run(run, as_json=as_json)
        codes.append(ExitCode.DONE if result.verdict == "REPRODUCED" else ExitCode.NOT_REPRODUCED)
    started = 0

    def run_plan(plan: Plan) -> tuple[RunDirectory, ExitCode]:
        nonlocal started
        started += 1
        return run_one(plan, batch.store, plain=plain, position=(started, batch.count))

    for run, code in batch.run_all(run_plan):
        codes.append(code)
        print_run(run, as_json=as_json)
        if progress.signalled:  # also where it came too late for this run, which is finished
            codes.append(say_not_begun(batch.count - started))
            break
    return int(max(codes))


def not_begun(count: int) -> str:
    """How many runs are left undone, in words."""
    return f"{count} more {'was' if count == 1 else 'were'} not begun"


def say_not_begun(count: int) -> ExitCode:
    """Say how many runs are left undone, if any; the exit code of that."""
    if count == 0:
        return ExitCode.DONE
    echo_text(f"repro: {not_begun(count)}", err=True)
    return ExitCode.ENDED_EARLY


def run_one(
    plan: Plan, store: Store, *, plain: bool, position: tuple[int, int] = (1, 1)
) -> tuple[RunDirectory, ExitCode]:
    """One run in the foreground, its progress on standard error."""
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
    where = (
        f"see {run.file(layout.WORKER_LOG)}" if ended.state == "failed" else f"repro resume {run.id.rpartition('-')[2]}"
    )
    echo_text(f"repro: the run {run.id} {_WAS[ended.state]} ({ended.reason}): {where}", err=True)


def print_run(run: RunDirectory, *, as_json: bool) -> None:
    """One run on standard output."""
    found = run_json(run)
    if as_json:
        print_json(found)
    else:
        echo_text(run_text(found))
        echo_text()


def refuse_detach_in_container() -> None:
    """A background process ends with its container."""
    if IMAGE_FILE.is_file():
        words = " ".join(word for word in sys.argv[1:] if word != "--detach")
        raise InputError("--detach would end with this container", do=f"docker compose run -d repro {words}")


def in_background(work: Callable[[Callable[[str], None]], int], store: Store) -> str:
    """Call `work(say)` in a process of its own session and return the first thing it says.

    `work` returns the process's exit code; UnusableError where it ends without a word, or fails before. What fails
    later is written to the store's DETACHED_LOG.
    """
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.close(read_end)
        _child(work, write_end, store.path / DETACHED_LOG)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        kind, _, text = stream.read().decode().partition(" ")
    if kind != "run":
        raise UnusableError(text.strip() or "the run could not be started", do="try without --detach")
    return text.strip()


def _child(work: Callable[[Callable[[str], None]], int], report: int, log: Path) -> None:
    """The background process; never returns."""
    left = [report]

    def say(text: str) -> None:
        if left:
            os.write(left[0], text.encode())
            os.close(left.pop())

    def tell_fault(text: str) -> None:
        if left:
            say(f"error {text}")
            return
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} repro: {text}\n")

    code = int(ExitCode.ENDED_EARLY)
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        code = work(say)
    except ReproError as error:
        tell_fault(str(error))
    except Exception as error:
        tell_fault(defects.keep(error))
    finally:
        os._exit(code)


def _detach(batch: RunBatch, *, as_json: bool) -> None:
    """Do the runs one after another in the background; return when the first has begun."""

    def in_child(say: Callable[[str], None]) -> int:
        stopped = False

        def listen(event: events.AnyEvent) -> None:
            nonlocal stopped
            stopped = stopped or isinstance(event, events.StopRequested)

        def run_plan(plan: Plan) -> tuple[RunDirectory, ExitCode]:
            run, lock = plan.create(batch.store)
            say(f"run {run.id}")
            return run, supervise(run, lock, run.record(), plan.scenario, plan.environment, listen)

        codes: list[ExitCode] = []
        for _, code in batch.run_all(run_plan):
            codes.append(code)
            if stopped and len(codes) < batch.count:
                raise EndedEarlyError(not_begun(batch.count - len(codes)), do="the same command goes on")
        return int(max(codes))

    for run in batch.finished:
        echo_text(f"repro: {run.id} answers this already: --again trains anew", err=True)
    first = in_background(in_child, batch.store) if batch.groups else batch.finished[0].id
    if as_json:
        print_json(run_json(batch.store.find(first), with_measurements=False))
    else:
        echo_text(first)
    if batch.count > 1:
        log = batch.store.path / DETACHED_LOG
        echo_text(f"repro: {batch.count - 1} more follow, one after another; faults go to {log}", err=True)
