"""`repro sweep`: each claim's rate over seeds."""

from __future__ import annotations

import sys
from typing import Any

import click

from repro.base.errors import ExitCode, InputError, ReproError
from repro.cli.basics import training_options
from repro.cli.common import echo_note, echo_text, json_option, open_store, print_json, store_option
from repro.cli.environments import make_named
from repro.cli.sweep_table import print_sweep, show_sweep
from repro.environment.record import usable_cores
from repro.runs.plan import Plan
from repro.runs.planning import RunOptions, make_plans
from repro.runs.store import Store
from repro.supervise.signals import stop_on_signals
from repro.sweep.jobs import Job, Runner
from repro.sweep.local import LocalRunner
from repro.sweep.record import SweepWriter
from repro.sweep.tally import sweep_object


@click.command("sweep")
@click.argument("scenarios", nargs=-1, required=True, metavar="NAME|FILE...")
@click.option("--seeds", multiple=True, required=True, metavar="A:B", help="From A up to B - 1; also 0,3,5.")
@training_options
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of one run.  [default: usable cores / workers]")
@click.option("--workers", type=click.IntRange(1, 1024), help="Runs at once here.  [default: usable cores / threads]")
@click.option("--scheduler", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler (trusted ones only).")
@click.option("--plain", is_flag=True, help="Plain lines instead of a live table.")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Train scenarios with many seeds and tell each claim's rate with its 95 % interval.

    Finished runs of the store that are the same count and are not trained again, so the same command goes on where an
    earlier one was interrupted.
    """
    store = open_store(options["store"])
    jobs, runner, workers = _prepare(options, store)
    fault: ReproError | None = None
    with SweepWriter(store, jobs, ["repro", *sys.argv[1:]], workers) as record:
        with show_sweep(jobs, plain=options["plain"]) as display:
            for job in jobs:
                if job.keep(store):
                    display.ended(job)
            left = [job for job in jobs if job.how == "waiting"]
            record.update(at_once=True)
            try:
                with stop_on_signals(runner.stop):
                    for ended in runner.run(left):
                        display.ended(ended) if ended is not None else display.tick()
                        record.update(at_once=ended is not None)
                        if record.stop_wanted():
                            runner.stop()
            except ReproError as error:
                fault = error
        for job in jobs:
            if job.code is None:
                code = fault.exit_code if fault is not None else ExitCode.ENDED_EARLY
                job.conclude(code, "" if job.run is not None else "not begun")
        record.end("" if fault is None else str(fault))
    if options["as_json"]:
        print_json(sweep_object(jobs))
    else:
        print_sweep(jobs, plain=options["plain"])
    if fault is not None:
        echo_text(f"repro: {fault}", err=True)
    ctx.exit(int(max(job.code or ExitCode.DONE for job in jobs)))


def _prepare(options: dict[str, Any], store: Store) -> tuple[list[Job], Runner, int | None]:
    """All jobs, where they run, and how many at once if here; every input is checked before anything starts."""
    if options["scheduler"] is not None and options["workers"] is not None:
        raise InputError("--workers is for this machine", do="leave it out: the workers of --scheduler do the runs")
    options = {**options, "environments": make_named(options["environments"])}
    threads, workers = shares(usable_cores(), options["threads"], options["workers"])
    jobs = [Job(plan) for plan in _plans(options, threads)]
    store.check_writable()
    if options["scheduler"] is not None:
        from repro.sweep.cluster import ClusterRunner

        cluster = ClusterRunner(store, options["scheduler"], lambda line: echo_text(f"repro: {line}", err=True))
        return jobs, cluster, None
    return jobs, LocalRunner(store, workers), workers


def shares(cores: int, threads: int | None, workers: int | None) -> tuple[int, int]:
    """(threads of one run, runs at once): what was asked, else as many as the cores give."""
    if threads is None:
        threads = max(1, cores // workers) if workers is not None else cores
    return threads, workers if workers is not None else max(1, cores // threads)


def _plans(options: dict[str, Any], threads: int) -> list[Plan]:
    plans = make_plans(
        RunOptions.from_click({**options, "threads": threads, "seed_option": "--seeds"}),
        command=["repro", *sys.argv[1:]],
        is_local=options["scheduler"] is None,
        report=echo_note,
    )
    scenarios = {(plan.scenario.name, plan.scenario.sha256()) for plan in plans}
    if len({name for name, _ in scenarios}) != len(scenarios):
        raise InputError("two of the scenarios have one name", do="sweep them one after another")
    return plans
