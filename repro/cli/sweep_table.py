"""Prints a sweep: a table that follows the runs on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from repro.base.errors import InputError
from repro.base.terminal import guarded
from repro.base.text import duration, one_line, share
from repro.cli.common import echo_text
from repro.sweep.jobs import Job
from repro.sweep.tally import Group, groups

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_COLUMNS = ("scenario", "environment", "claim", "held", "failed", "unknown", "rate", "95 % interval")
REFRESH_SECONDS = 1.0


class Display:
    """Follows a sweep; subclasses draw on standard error."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.done = 0

    def ended(self, job: Job) -> None:
        """Count a run that ended or was in the store already."""
        self.done += 1
        self.draw(job)

    def tick(self) -> None:
        """Draw again if it is time to."""

    def draw(self, job: Job) -> None:
        raise NotImplementedError


class _PlainLines(Display):
    def draw(self, job: Job) -> None:
        echo_text(f"{self.done}/{len(self.jobs)} {job.heading}: {outcome(job)}", err=True)


class _LiveTable(Display):
    def __init__(self, jobs: Sequence[Job], live: Live) -> None:
        super().__init__(jobs)
        self._live = live
        self._next = 0.0

    def draw(self, job: Job) -> None:
        if job.result is None:
            with _ignore_closed_terminal():
                self._live.console.print(f"{job.heading}: {outcome(job)}", highlight=False, markup=False)
        self._next = 0.0
        self.tick()

    def tick(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + REFRESH_SECONDS
            with _ignore_closed_terminal():
                self._live.update(table(groups(self.jobs), caption=self._now()), refresh=True)

    def _now(self) -> str:
        lines = [f"{self.done} of {len(self.jobs)} runs"]
        for job in self.jobs:
            if job.run is not None and job.code is None:
                with contextlib.suppress(InputError):
                    progress = job.run.progress()
                    seconds_left = progress.seconds_left
                    text = f"{job.heading}: {progress.stage or 'starting'}, epoch {progress.epoch}/{progress.epochs}"
                    lines.append(text + (f", {duration(seconds_left)} left" if seconds_left else ""))
        return "\n".join(lines)


@contextlib.contextmanager
def show_sweep(jobs: Sequence[Job], *, plain: bool) -> Iterator[Display]:
    """Yield the display, to be called for each run that ends."""
    if plain or not sys.stderr.isatty():
        yield _PlainLines(jobs)
        return
    from rich.console import Console
    from rich.live import Live

    live = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
    alone = threading.active_count() == 1  # a client of Dask's has threads, beside which no guard can be forked
    with guarded(sys.stderr.fileno()) if alone else contextlib.nullcontext():
        live.start()
        try:
            yield _LiveTable(jobs, live)
        finally:
            with _ignore_closed_terminal():
                live.stop()


def _ignore_closed_terminal() -> contextlib.suppress:
    """Ignore a terminal that was closed: the runs continue."""
    return contextlib.suppress(OSError)


def outcome(job: Job) -> str:
    """Return how one run came out."""
    if job.result is None:
        return one_line(job.reason, 500)
    if job.how == "kept":
        return f"{job.result.verdict} (was there)"
    total = job.result.seconds.get("total")
    return f"{job.result.verdict} ({job.how}{f', {duration(total)}' if total is not None else ''})"


def print_sweep(jobs: Sequence[Job], *, plain: bool) -> None:
    """Print the whole sweep on standard output."""
    sweep_groups = groups(jobs)
    if plain or not sys.stdout.isatty():
        for group in sweep_groups:
            echo_text(f"{group.scenario}  {group.environment}  {summary(group)}")
            for row in claim_rows(group):
                counts = f"held {row[3]}, failed {row[4]}, unknown {row[5]}"
                echo_text(f"{row[0]}  {row[1]}  {row[2]:<20}  {counts:<34}  {row[6]}  {row[7]}")
        return
    from rich.console import Console

    Console().print(table(sweep_groups))


def table(sweep_groups: Sequence[Group], caption: str = "") -> Table:
    """Return a table with the verdicts, then the claims of each group."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*_COLUMNS, box=box.SIMPLE, caption=Text(caption) if caption else None, caption_justify="left")
    for group in sweep_groups:
        for row in verdict_row(group), *claim_rows(group):
            drawn.add_row(*map(Text, row))
        if group.unfinished or group.degraded or group.ignores_seed:
            drawn.add_row(Text(group.scenario), Text(group.environment), Text(_lacking(group)))
        drawn.add_section()
    return drawn


def verdict_row(group: Group) -> tuple[str, ...]:
    """Return the rate of REPRODUCED as a row like a claim's."""
    rate = group.reproduced
    names = group.verdicts
    return (
        group.scenario,
        group.environment,
        "REPRODUCED",
        f"{rate.held}/{rate.counted}",
        str(names["NOT_REPRODUCED"]),
        str(names["INCONCLUSIVE"]),
        *_rate(rate.rate, rate.low, rate.high),
    )


def claim_rows(group: Group) -> list[tuple[str, ...]]:
    """Return one row a claim."""
    return [
        (
            group.scenario,
            group.environment,
            claim.id,
            f"{claim.held}/{claim.held + claim.failed + claim.unknown}",
            str(claim.failed),
            str(claim.unknown),
            *_rate(claim.rate, claim.low, claim.high),
        )
        for claim in group.claims
    ]


def summary(group: Group) -> str:
    """Return a group's verdicts in one line."""
    counts = ", ".join(f"{name} {count}" for name, count in group.verdicts.items() if count) or "no verdict yet"
    rate = group.reproduced
    lacking = _lacking(group)
    interval = "  ".join(_rate(rate.rate, rate.low, rate.high))
    return (
        f"{counts} of {len(group.seeds)} seeds, {group.threads} threads{f', {lacking}' if lacking else ''}  {interval}"
    )


def _lacking(group: Group) -> str:
    parts = [(group.unfinished, "not finished"), (group.degraded, "on another device than asked")]
    said = [f"{count} {what}" for count, what in parts if count]
    if group.ignores_seed:
        count = len(group.seeds) - group.unfinished
        said.append(f"all {count} seeds gave the same weights: the program does not use its seed")
    return ", ".join(said)


def _rate(rate: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    if rate is None or low is None or high is None:
        return "-", "-"
    return share(rate, 3), f"{share(low, 3)} to {share(high, 3)}"
