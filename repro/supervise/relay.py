"""Follows the recordings of a running program and passes the events of the one that counts on to the run's log."""

from __future__ import annotations

from pathlib import Path

from repro.runs import events, layout
from repro.runs.event_log import EventLog
from repro.runs.event_reader import EventReader
from repro.runs.heartbeat import boot_id
from repro.runs.recorder_mark import Mark, read_mark

# The run has its own of these.
_OF_THE_RECORDING = (events.RunStarted, events.WorkerStarted, events.Heartbeat, events.RunEnded)


class Relay:
    """The events of the recording that counts: the latest one, or the one that is chosen by its number, from 1."""

    def __init__(self, recordings: Path, mark: Path, training: int | None, log: EventLog) -> None:
        self.mark = Mark()
        self.recording: Path | None = None
        self._recordings = recordings
        self._mark_file = mark
        self._training = training
        self._log = log
        self._reader: EventReader | None = None

    def poll(self) -> bool:
        """Pass on what is new; return whether anything was. msgspec.DecodeError if a recording is damaged."""
        self.mark = read_mark(self._mark_file)
        wanted = self._wanted()
        if wanted is not None and wanted != self.recording:
            if self.recording is not None:  # what was passed on of another model counts no longer
                attempt = self._log.progress.attempt + 1
                self._log.add(events.RunStarted(attempt=attempt, epochs=0, boot_id=boot_id()))
            self.recording = wanted
            self._reader = EventReader(wanted / layout.EVENTS)
        batch = [] if self._reader is None else self._reader.read()
        for event in batch:
            if not isinstance(event, _OF_THE_RECORDING):
                self._log.relay(event)
        return bool(batch)

    def _wanted(self) -> Path | None:
        names = [Path(name).name for name in self.mark.recordings]
        if self._training is not None:
            names = names[self._training - 1 : self._training]
        return self._recordings / names[-1] if names else None
