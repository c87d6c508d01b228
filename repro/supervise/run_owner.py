"""What owns a run until it ends, whatever trains: its log, its signals, its result."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from repro.base.errors import ExitCode, ReproError
from repro.base.text import one_line
from repro.environment.definition import Environment
from repro.runs import events, layout
from repro.runs.cleanup import remove_leftovers
from repro.runs.directory import RunDirectory
from repro.runs.event_log import EventLog, OnEvent, ignore_event
from repro.runs.heartbeat import boot_id
from repro.runs.progress import Progress
from repro.runs.records import FORMAT, Measurements, Result, RunRecord
from repro.runs.result import file_hashes, is_degraded, write_result
from repro.runs.verdict import decide_all, verdict
from repro.scenario.script_types import AnyScenario
from repro.supervise.signals import collect_signals

S = TypeVar("S", bound=AnyScenario)


class RunOwner(Generic[S]):
    """One attempt at one run: the first, or that of a resume. Subclasses train."""

    def __init__(
        self,
        run: RunDirectory,
        record: RunRecord,
        scenario: S,
        environment: Environment,
        on_event: OnEvent = ignore_event,
    ) -> None:
        self.run = run
        self.record = record
        self.scenario = scenario
        self.environment = environment
        self.log = EventLog(run, on_event)
        self.signals: list[signal.Signals] = []
        self._started = self.log.clock.now()

    @property
    def progress(self) -> Progress:
        return self.log.progress

    def supervise(self) -> ExitCode:
        """Train until the end, a fault, a stop or a signal; write down how it ended."""
        stop = self.run.file(layout.STOP_REQUEST)
        stop.unlink(missing_ok=True)
        remove_leftovers(self.run.path)
        attempt = self.progress.attempt + 1
        try:
            if self._is_trained():  # the supervisor before was killed before it wrote the result
                return self._finish(self.progress.seconds_so_far)
            with collect_signals(self.signals) as wakeup:
                self.log.add(events.RunStarted(attempt=attempt, epochs=self._epochs(), boot_id=boot_id()))
                self._train(wakeup, attempt)
                return self._conclude()
        except ReproError as error:
            return self._fail(str(error), error.exit_code)
        except OSError as error:
            where = f"{Path(error.filename).name}: " if isinstance(error.filename, str | Path) else ""
            return self._fail(f"the run could not be written ({where}{error.strerror})", ExitCode.ENDED_EARLY)
        finally:
            if self.progress.stop_requested is None and (by := self._stop_wanted_by()):
                self.log.publish(events.StopRequested(by=by))  # too late for this run, but not for the next one
            stop.unlink(missing_ok=True)
            self.log.close()

    def _is_trained(self) -> bool:
        """Return whether an earlier attempt left all that the result is made from."""
        raise NotImplementedError

    def _epochs(self) -> int:
        """Return how many epochs are asked for; 0 if only the program knows."""
        raise NotImplementedError

    def _train(self, wakeup: int, attempt: int) -> None:
        """Train; a byte in `wakeup` says that a signal has come."""
        raise NotImplementedError

    def _conclude(self) -> ExitCode:
        """Write down how the training ended."""
        raise NotImplementedError

    def _finish(self, seconds: float) -> ExitCode:
        """Write the result. `seconds`: how long all attempts took together."""
        raise NotImplementedError

    def _stop_wanted_by(self) -> str | None:
        if self.signals:
            return self.signals[0].name
        return "the file stop" if self.run.file(layout.STOP_REQUEST).exists() else None

    def _fail(self, reason: str, code: ExitCode) -> ExitCode:
        return self._end("failed", one_line(reason, 500), code)

    def _end(self, state: str, reason: str, code: ExitCode) -> ExitCode:
        event = events.RunEnded(state=state, reason=reason, exit_code=int(code))
        try:
            try:
                self.log.add(event)
            except OSError:
                self.run.release_reserve()  # it was kept for this event
                self.log.add(event)
            self.log.sync()
        except OSError:
            self.log.publish(event)
        return code

    def _write_result(self, measurements: Measurements, seconds: float) -> ExitCode:
        """Decide the claims and write the result; a kill or a full disk loses nothing: a resume writes it again."""
        claims = decide_all(self.scenario, measurements, self.environment.name)
        decided = verdict(claims)
        code = ExitCode.DONE if decided == "REPRODUCED" else ExitCode.NOT_REPRODUCED
        for checkpoint in self.run.file(layout.WEIGHTS).glob(f"{layout.CHECKPOINT_PREFIX}*"):
            checkpoint.unlink()
        if self.progress.ended is None or self.progress.ended.state != "finished":
            self.log.add(events.RunEnded(state="finished", reason=decided, exit_code=int(code)))
        self.log.sync()
        result = Result(
            format=FORMAT,
            run=self.run.id,
            scenario=self.record.scenario,
            environment=self.record.environment,
            seed=self.record.seed,
            state="finished",
            verdict=decided,
            degraded=is_degraded(self.run, self.record.device),
            derived_from=self.record.derived_from,
            claims=claims,
            measurements=msgspec.to_builtins(measurements),
            seconds={**self.progress.seconds, "total": round(seconds, 3)},
            files=file_hashes(self.run),
        )
        write_result(self.run, result)
        return code

    def _seconds(self) -> float:
        """Return how long the run took, without the time between its attempts."""
        return self.progress.seconds_before + self.log.clock.now() - self._started
