"""Closes recordings: says how they ended and writes the result of those that finished."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import msgspec

from repro.base.errors import ExitCode, InputError
from repro.base.files import sync_folder, write_durably
from repro.runs import events, layout
from repro.runs.directory import RunDirectory
from repro.runs.event_reader import MAX_LINE_BYTES
from repro.runs.progress import Progress
from repro.runs.records import FORMAT, Result, State
from repro.runs.result import file_hashes


@dataclass(frozen=True)
class ProcessEnd:
    """How the program ended: the status of its first process, as subprocess reports it; None if it is not known."""

    returncode: int | None = None

    @property
    def signal(self) -> str | None:
        """Name of the signal that ended it, also if a shell reports that as 128 + signal."""
        if self.returncode is None or 0 <= self.returncode <= 128:
            return None
        number = -self.returncode if self.returncode < 0 else self.returncode - 128
        try:
            return signal.Signals(number).name
        except ValueError:
            return None

    @property
    def exit_code(self) -> int | None:
        """What a shell would report: 128 + signal for one that a signal ended."""
        if self.returncode is None:
            return None
        return self.returncode if self.returncode >= 0 else 128 - self.returncode


def close(run: RunDirectory, end: ProcessEnd | None = None) -> State:
    """Close a recording whose process has ended and return its state; nothing changes in one that was closed.

    InputError if its process still writes to it, or if its files are damaged.
    """
    if run.result() is not None:
        return "finished"
    with run.acquire():
        progress = run.progress()
        if progress.recorded is None and progress.ended is None and progress.started is None:
            raise InputError("holds no events", do="delete the run", file=run.path)
        if progress.ended is None:
            ended = _ending(progress, end or ProcessEnd())
            _append(run, progress, ended)
            progress.take(ended)
        assert progress.ended is not None
        if progress.ended.state == "finished":
            _write_result(run, progress)
            return "finished"
    return run.state(progress)


def _ending(progress: Progress, end: ProcessEnd) -> events.RunEnded:
    """How a process ended that ran none of Python's exit handlers: by a signal, or by os._exit."""
    if end.signal is not None:
        reason = f"the program was ended by {end.signal}"
        return events.RunEnded(state="interrupted", reason=reason, exit_code=int(ExitCode.ENDED_EARLY))
    fit = progress.recorded.latest if progress.recorded is not None else None
    has_returned = fit is not None and fit.ended is not None and fit.ended.ended == "returned"
    if end.returncode is not None and has_returned:
        return events.RunEnded(state="finished", reason="the program ended by os._exit")
    reason = "the program was killed, or ended by os._exit"
    return events.RunEnded(state="interrupted", reason=reason, exit_code=int(ExitCode.ENDED_EARLY))


def _append(run: RunDirectory, progress: Progress, event: events.RunEnded) -> None:
    """Append the last event; a torn last line is cut off."""
    with run.file(layout.EVENTS).open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 2 * MAX_LINE_BYTES))
        start, tail = stream.tell(), stream.read()
        whole = tail.rfind(b"\n") + 1
        last = events.decode(tail[tail.rfind(b"\n", 0, max(0, whole - 1)) + 1 : whole]) if whole else None
        sequence, time = (last.seq + 1, last.time) if last is not None else (0, progress.started or 0.0)
        stream.truncate(start + whole)
        stream.seek(start + whole)
        stream.write(events.encode(msgspec.structs.replace(event, seq=sequence, time=time)))
        stream.flush()
        os.fsync(stream.fileno())


def _write_result(run: RunDirectory, progress: Progress) -> None:
    record = run.record()
    result = Result(
        format=FORMAT,
        run=run.id,
        scenario=record.scenario,
        environment=record.environment,
        seed=record.seed,
        state="finished",
        verdict="INCONCLUSIVE",
        degraded=False,
        derived_from=None,
        claims=[],
        measurements=msgspec.to_builtins(progress.measurements()),
        seconds={**progress.seconds, "total": round(progress.seconds_so_far, 3)},
        files=file_hashes(run),
    )
    write_durably(run.file(layout.RESULT), msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    sync_folder(run.path)
