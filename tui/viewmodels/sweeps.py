"""The sweeps of a store as a screen needs them, and their rates as lines. Nothing here touches a widget."""

from __future__ import annotations

import contextlib
import statistics
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from textual.content import Content

from repro.base.errors import InputError, ReproError
from repro.base.text import one_line, share
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from repro.sweep.record import SweepRecord, sweeps
from repro.sweep.tally import ClaimRate, Group, Rate, SweepRun
from tui.text import BAD, BAR, BUSY, GOOD, ODD, QUIET, duration, word

AT_A_TIME = 10  # seeds stand in blocks, so that one can count them


@dataclass(frozen=True)
class RunningSeed:
    """How far a run is that is being trained. `seconds_left`: of its training."""

    stage: str
    epoch: int
    epochs: int
    seconds_left: float | None


@dataclass(frozen=True)
class SweepSnapshot:
    """One sweep as it is now, and the ids of all, the newest first; `running` by the run's id."""

    ids: tuple[str, ...] = ()
    record: SweepRecord | None = None
    state: str = ""
    running: Mapping[str, RunningSeed] = field(default_factory=dict)
    seconds_left: float | None = None
    fault: str = ""


class SweepWatcher:
    """Looks at one sweep of a store in a thread of its own and publishes what changed."""

    def __init__(self, store: Store, publish: Callable[[SweepSnapshot], None]) -> None:
        self._store = store
        self._publish = publish
        self._chosen: str | None = None
        self._published: SweepSnapshot | None = None
        self._seconds: dict[str, float] = {}
        self._stop = threading.Event()
        self._wake = threading.Event()

    def stop(self) -> None:
        """End the thread soon."""
        self._stop.set()
        self._wake.set()

    def choose(self, sweep_id: str | None) -> None:
        """Look at another sweep, at once; None: the newest."""
        self._chosen = sweep_id
        self._wake.set()

    def run(self, interval: float = 1.0) -> None:
        """Look until stopped."""
        while not self._stop.is_set():
            snapshot = self.look()
            if snapshot != self._published and not self._stop.is_set():
                self._published = snapshot
                self._publish(snapshot)
            self._wake.wait(interval)
            self._wake.clear()

    def look(self) -> SweepSnapshot:
        """Look once."""
        directories = {directory.path.name: directory for directory in sweeps(self._store)}
        ids = tuple(directories)
        if not ids:
            return SweepSnapshot()
        directory = directories[self._chosen if self._chosen in directories else ids[0]]
        try:
            record = directory.record()
        except InputError as error:
            return SweepSnapshot(ids, fault=str(error))
        running = self._running_seeds(record)
        state = directory.state(record)
        seconds_left = self._seconds_left(record, running) if state == "running" else None
        return SweepSnapshot(ids, record, state, running, seconds_left)

    def _running_seeds(self, record: SweepRecord) -> dict[str, RunningSeed]:
        seeds = {}
        for group in record.groups:
            for run in group.runs:
                if run.state == "running" and run.run is not None:
                    with contextlib.suppress(ReproError, OSError):
                        progress = RunDirectory(self._store.path / run.run).progress()
                        seeds[run.run] = RunningSeed(
                            progress.stage, progress.epoch, progress.epochs, progress.seconds_left
                        )
        return seeds

    def _seconds_left(self, record: SweepRecord, running: Mapping[str, RunningSeed]) -> float | None:
        """Seconds until the sweep ends, from those that its finished runs took; None before each group has one."""
        total, longest = 0.0, 0.0
        for group in record.groups:
            finished = [seconds for run in group.runs if (seconds := self._total_seconds(run)) is not None]
            for run in group.runs:
                if run.verdict is not None or run.reason is not None:
                    continue
                if not finished:
                    return None
                expected = statistics.median(finished)
                seed = running.get(run.run or "")
                if seed is not None and seed.seconds_left is not None:
                    expected = min(expected, seed.seconds_left)
                total, longest = total + expected, max(longest, expected)
        return max(longest, total / (record.workers or 1))

    def _total_seconds(self, run: SweepRun) -> float | None:
        """Seconds of a finished run."""
        if run.verdict is None or run.run is None:
            return None
        if run.run not in self._seconds:
            with contextlib.suppress(ReproError):
                result = RunDirectory(self._store.path / run.run).result()
                if result is not None and "total" in result.seconds:
                    self._seconds[run.run] = result.seconds["total"]
        return self._seconds.get(run.run)


# -- lines


def interval_bar(one: Rate | ClaimRate, width: int) -> str:
    """The rate (●) in its interval (├─┤) on the way from 0 to 1; without colour it says the same."""
    cells = ["·"] * width
    if one.rate is not None and one.low is not None and one.high is not None:
        low, at, high = (round(part * (width - 1)) for part in (one.low, one.rate, one.high))
        cells[low : high + 1] = "─" * (high - low + 1)
        cells[low], cells[high] = "├", "┤"
        cells[at] = "●"
    return "".join(cells)


def sign_of(one: SweepRun) -> tuple[str, str]:
    """A run's sign and its style."""
    if one.verdict is None and one.reason is not None and one.state in ("waiting", "interrupted"):
        return "!", ODD  # it was given up: not begun, or killed
    what = word(one.verdict or one.state)
    return what.sign, what.style


def seeds_line(group: Group, width: int, cursor: int | None) -> list[Content]:
    """A sign for each seed, in blocks of ten; the one under the cursor in brackets."""
    lines: list[Content] = []
    in_line = max(1, (width - 13) // (AT_A_TIME * 2 + 1)) * AT_A_TIME
    for start in range(0, len(group.seeds), in_line):
        cells: list[tuple[str, str]] = [(f"{'seed ' + str(group.seeds[start]):<11}", QUIET), (" ", "")]
        for place in range(start, min(start + in_line, len(group.seeds))):
            if place > start and (place - start) % AT_A_TIME == 0:
                cells.append((" ", ""))
            sign, style = sign_of(group.runs[place])
            if place == cursor:
                cells[-1:] = [("[", "bold"), (sign, f"bold {style}"), ("]", "bold")]
            else:
                cells += [(sign, style), (" ", "")]
        lines.append(Content.assemble(*cells))
    return lines


def heading(width: int) -> Content:
    """Of the columns of `rate_line`."""
    name, bar, counts, _ = columns(width)
    line = f"{'':<{name}} {'held':>7}"
    if counts:
        line += f"{'failed':>8}{'open':>6}"
    scale = f"0{' rate ':·^{bar - 2}}1"
    line += f"  {scale}  {'rate':>5}  95 % interval"
    return Content.styled(line, QUIET)


def columns(width: int) -> tuple[int, int, bool, int]:
    """Cells for a claim's name and the bar, whether all counts have room, cells for what the claim says."""
    counts = width >= 76
    name = 16 if width >= 76 else 13
    bar = 13 if width < 70 else 20 if width < 100 else 25
    used = name + 1 + 7 + (14 if counts else 0) + 2 + bar + 2 + 5 + 2 + 13
    return name, bar, counts, max(0, width - used - 2)


def rate_line(name: str, one: Rate | ClaimRate, others: tuple[int, int], says: str, width: int) -> Content:
    """Counts, bar, rate and interval of one claim; `others`: how many failed, how many are open."""
    cells, bar, counts, room = columns(width)
    counted = one.counted if isinstance(one, Rate) else one.held + one.failed + one.unknown
    style = QUIET if one.rate is None else GOOD if one.rate == 1 else BAD if one.rate == 0 else ODD
    parts: list[tuple[str, str]] = [
        (f"{one_line(name, cells):<{cells}} ", "bold" if isinstance(one, Rate) else ""),
        (f"{f'{one.held}/{counted}':>7}", style),
    ]
    if counts:
        parts += [(f"{others[0]:>8}", BAD if others[0] else QUIET), (f"{others[1]:>6}", ODD if others[1] else QUIET)]
    parts.append((f"  {interval_bar(one, bar)}", BAR if one.rate is not None else QUIET))
    if one.rate is None or one.low is None or one.high is None:
        parts.append((f"  {'-':>5}  {'-':<13}", QUIET))
    else:
        parts += [
            (f"  {share(one.rate, 2):>5}", style),
            (f"  {f'{share(one.low, 2)} to {share(one.high, 2)}':<13}", ""),
        ]
    if room >= 20:
        parts.append((f"  {one_line(says, room)}", QUIET))
    return Content.assemble(*parts)


def group_lines(group: Group, width: int, cursor: int | None) -> list[Content]:
    """A scenario in an environment: what it is, its seeds, the rate of its verdict and of each claim."""
    finished = len(group.seeds) - group.unfinished
    threads = f"{group.threads} thread{'s' if group.threads > 1 else ''}"
    parts: list[tuple[str, str]] = [
        (one_line(group.scenario, 40), "bold $text-accent"),
        (f" in {one_line(group.environment, 20)}", ""),
        (f"   {finished} of {len(group.seeds)} seeds, {threads}", QUIET),
    ]
    if group.degraded:
        parts.append((f"   ! {group.degraded} on another device than asked", ODD))
    verdict = group.reproduced
    others = (group.verdicts.get("NOT_REPRODUCED", 0), group.verdicts.get("INCONCLUSIVE", 0))
    return [
        Content.assemble(*parts),
        *seeds_line(group, width, cursor),
        rate_line("reproduced", verdict, others, "all claims that counted held", width),
        *(rate_line(one.id, one, (one.failed, one.unknown), one.says, width) for one in group.claims),
    ]


def run_line(run: SweepRun, running: RunningSeed | None) -> Content:
    """One run in a line: its seed, its verdict or reason, or how far it is if it is `running`."""
    sign, style = sign_of(run)
    if running is not None:
        epoch = f", epoch {running.epoch} of {running.epochs}" if running.epochs else ""
        left = f", {duration(running.seconds_left)} of training left" if running.seconds_left else ""
        text = f"{running.stage or 'starting'}{epoch}{left}"
    elif run.verdict is not None:
        origin = {"kept": "was there", "trained": "trained", "resumed": "resumed"}.get(run.how, run.how)
        text = f"{word(run.verdict).word}, {origin}"
    else:
        text = one_line(run.reason, 200) if run.reason else word(run.state).word
    return Content.assemble((f"{sign} ", style), (f"seed {run.seed}", "bold"), f"  {text}")


def summary_line(snapshot: SweepSnapshot, width: int) -> Content:
    """The sweep in one line: its state, how much is done, how long it will take."""
    record = snapshot.record
    assert record is not None
    parts: list[tuple[str, str] | Content] = [word(snapshot.state).content()]
    parts.append((f"   {record.finished} of {record.runs} runs", "bold"))
    if snapshot.state == "running":
        left = "" if snapshot.seconds_left is None else f"   about {duration(snapshot.seconds_left)} left"
        parts.append((left, BUSY))
    elif snapshot.state in ("stopped", "interrupted"):
        parts.append(("   r goes on from here", QUIET))
    if len(snapshot.ids) > 1 and width >= 76:
        place = snapshot.ids.index(record.id) + 1
        parts.append((f"   sweep {place} of {len(snapshot.ids)}, the newest first", QUIET))
    return Content.assemble(*parts)
