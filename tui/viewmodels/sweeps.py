"""The sweeps of a store as a screen needs them, and their rates as lines. Nothing here touches a widget."""

from __future__ import annotations

import contextlib
import statistics
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from textual.content import Content

from repro.base.errors import InputError, ReproError
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from repro.sweep.record import SweepDirectory, SweepRecord, sweeps
from repro.sweep.tally import ClaimRate, Group, Rate, SweepRun
from tui.text import BAD, BAR, BUSY, GOOD, ODD, QUIET, duration, plain, word

AT_A_TIME = 10  # seeds stand in blocks, so that one can count them


@dataclass(frozen=True)
class Going:
    """How far a run is that goes on. Seconds: those of its training that are left, and those that have passed."""

    stage: str
    epoch: int
    epochs: int
    seconds_left: float | None


@dataclass(frozen=True)
class Sight:
    """One sweep as it stands, and the names of all, the newest first."""

    ids: tuple[str, ...] = ()
    record: SweepRecord | None = None
    state: str = ""
    going: Mapping[str, Going] = field(default_factory=dict)
    seconds_left: float | None = None
    fault: str = ""


class SweepWatcher:
    """Looks at one sweep of a store in a thread of its own; tells what changed."""

    def __init__(self, store: Store, tell: Callable[[Sight], None]) -> None:
        self._store = store
        self._tell = tell
        self._wanted: str | None = None
        self._told: Sight | None = None
        self._seconds: dict[str, float] = {}
        self._stop = threading.Event()
        self._wake = threading.Event()

    def stop(self) -> None:
        """End the thread soon."""
        self._stop.set()
        self._wake.set()

    def look_at(self, sweep_id: str | None) -> None:
        """Look at another sweep, at once; None: the newest."""
        self._wanted = sweep_id
        self._wake.set()

    def run(self, interval: float = 1.0) -> None:
        """Look until stopped."""
        while not self._stop.is_set():
            sight = self.look()
            if sight != self._told and not self._stop.is_set():
                self._told = sight
                self._tell(sight)
            self._wake.wait(interval)
            self._wake.clear()

    def look(self) -> Sight:
        """One look."""
        found = {one.path.name: one for one in sweeps(self._store)}
        ids = tuple(found)
        if not ids:
            return Sight()
        wanted = self._wanted if self._wanted in found else ids[0]
        directory: SweepDirectory = found[wanted]
        try:
            record = directory.record()
        except InputError as error:
            return Sight(ids, fault=str(error))
        going = self._going(record)
        state = directory.state(record)
        left = self._left(record, going) if state == "running" else None
        return Sight(ids, record, state, going, left)

    def _going(self, record: SweepRecord) -> dict[str, Going]:
        found = {}
        for group in record.groups:
            for one in group.runs:
                if one.state == "running" and one.run is not None:
                    with contextlib.suppress(ReproError, OSError):
                        progress = RunDirectory(self._store.path / one.run).progress()
                        found[one.run] = Going(progress.stage, progress.epoch, progress.epochs, progress.seconds_left)
        return found

    def _left(self, record: SweepRecord, going: Mapping[str, Going]) -> float | None:
        """Seconds until the sweep ends, from those that its finished runs took; None before there is one in a group."""
        total, longest = 0.0, 0.0
        for group in record.groups:
            took = [seconds for one in group.runs if (seconds := self._took(one)) is not None]
            for one in group.runs:
                if one.verdict is not None or one.reason is not None:
                    continue
                if not took:
                    return None
                left = statistics.median(took)
                run = going.get(one.run or "")
                if run is not None and run.seconds_left is not None:
                    left = min(left, run.seconds_left)
                total, longest = total + left, max(longest, left)
        return max(longest, total / (record.workers or 1))

    def _took(self, one: SweepRun) -> float | None:
        """Seconds of a finished run."""
        if one.verdict is None or one.run is None:
            return None
        if one.run not in self._seconds:
            with contextlib.suppress(ReproError):
                result = RunDirectory(self._store.path / one.run).result()
                if result is not None and "total" in result.seconds:
                    self._seconds[one.run] = result.seconds["total"]
        return self._seconds.get(one.run)


# -- lines


def interval_bar(one: Rate | ClaimRate, width: int) -> str:
    """The rate (●) in its interval (├─┤) on the way from 0 to 1; without colour it says the same."""
    cells = ["·"] * width
    if one.rate is not None and one.low is not None and one.high is not None:
        low, at, high = (round(share * (width - 1)) for share in (one.low, one.rate, one.high))
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
        (f"{plain(name, cells):<{cells}} ", "bold" if isinstance(one, Rate) else ""),
        (f"{f'{one.held}/{counted}':>7}", style),
    ]
    if counts:
        parts += [(f"{others[0]:>8}", BAD if others[0] else QUIET), (f"{others[1]:>6}", ODD if others[1] else QUIET)]
    parts.append((f"  {interval_bar(one, bar)}", BAR if one.rate is not None else QUIET))
    if one.rate is None or one.low is None or one.high is None:
        parts.append((f"  {'-':>5}  {'-':<13}", QUIET))
    else:
        parts += [(f"  {one.rate:>5.2f}", style), (f"  {f'{one.low:.2f} to {one.high:.2f}':<13}", "")]
    if room >= 20:
        parts.append((f"  {plain(says, room)}", QUIET))
    return Content.assemble(*parts)


def group_lines(group: Group, width: int, cursor: int | None) -> list[Content]:
    """A scenario in an environment: what it is, its seeds, the rate of its verdict and of each claim."""
    finished = len(group.seeds) - group.unfinished
    threads = f"{group.threads} thread{'s' if group.threads > 1 else ''}"
    parts: list[tuple[str, str]] = [
        (plain(group.scenario, 40), "bold $text-accent"),
        (f" in {plain(group.environment, 20)}", ""),
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


def run_line(one: SweepRun, going: Going | None) -> Content:
    """One run in words: its seed, how it came out, or how far it is."""
    sign, style = sign_of(one)
    if going is not None:
        of = f", epoch {going.epoch} of {going.epochs}" if going.epochs else ""
        left = f", {duration(going.seconds_left)} of training left" if going.seconds_left else ""
        says = f"{going.stage or 'starting'}{of}{left}"
    elif one.verdict is not None:
        was = {"kept": "was there", "trained": "trained", "resumed": "resumed"}.get(one.how, one.how)
        says = f"{word(one.verdict).word}, {was}"
    else:
        says = plain(one.reason, 200) if one.reason else word(one.state).word
    return Content.assemble((f"{sign} ", style), (f"seed {one.seed}", "bold"), f"  {says}")


def summary_line(sight: Sight, width: int) -> Content:
    """The sweep in one line: its state, how much is done, how long it will take."""
    record = sight.record
    assert record is not None
    parts: list[tuple[str, str] | Content] = [word(sight.state).content()]
    parts.append((f"   {record.finished} of {record.runs} runs", "bold"))
    if sight.state == "running":
        left = "" if sight.seconds_left is None else f"   about {duration(sight.seconds_left)} left"
        parts.append((left, BUSY))
    elif sight.state in ("stopped", "interrupted"):
        parts.append(("   r goes on from here", QUIET))
    if len(sight.ids) > 1 and width >= 76:
        place = sight.ids.index(record.id) + 1
        parts.append((f"   sweep {place} of {len(sight.ids)}, the newest first", QUIET))
    return Content.assemble(*parts)
