"""Owns a run until it ends: starts its worker, writes down its events, stops it, decides the claims."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import IO

import msgspec

from repro.base.errors import ExitCode, InputError, UnusableError
from repro.base.files import sha256, write_durably
from repro.base.text import to_utf8
from repro.environment import record as environment_record
from repro.environment.definition import Environment
from repro.runs import events, layout
from repro.runs.cleanup import remove_leftovers
from repro.runs.directory import RunDirectory
from repro.runs.event_log import OnEvent, ignore_event
from repro.runs.events import HEARTBEAT_SECONDS
from repro.runs.heartbeat import boot_id
from repro.runs.identity import RunIdentity, recorded_kernels
from repro.runs.records import RunRecord
from repro.runs.store import store_remedy
from repro.scenario import own_model
from repro.scenario.script_types import AnyScenario, ScriptScenario
from repro.scenario.types import Scenario
from repro.supervise import out_of_memory
from repro.supervise.failure import describe_exit, describe_failure
from repro.supervise.program import ProgramSupervisor
from repro.supervise.run_owner import RunOwner
from repro.supervise.warm_worker import WarmWorker
from repro.supervise.worker_process import WorkerProcess
from repro.supervise.worker_request import Checkpoint, RunRequest, encode_path, run_request, source_of

POLL_SECONDS = 0.2
STOP_GRACE_SECONDS = 55.0


class Supervisor(RunOwner[Scenario]):
    """One attempt at a run that a worker trains."""

    def __init__(
        self,
        run: RunDirectory,
        record: RunRecord,
        scenario: Scenario,
        environment: Environment,
        on_event: OnEvent = ignore_event,
        warm: WarmWorker | None = None,
    ) -> None:
        super().__init__(run, record, scenario, environment, on_event)
        self._warm = warm
        self._stop_deadline: float | None = None
        self._fault = ""
        self._building_since: float | None = None
        self._oom_kills_before: int | None = None

    def _is_trained(self) -> bool:
        return self.progress.training_finished

    def _epochs(self) -> int:
        return self.scenario.fit.epochs

    def _request(self) -> RunRequest:
        checkpoint = self.progress.checkpoint
        usable = checkpoint is not None and self.run.file(checkpoint.file).is_file()
        if checkpoint is not None and usable and sha256(self.run.file(checkpoint.file)) != checkpoint.sha256:
            self.log.add(events.Warned(message=f"the checkpoint of epoch {checkpoint.epoch} is damaged: starting anew"))
            usable = False
        source = None
        if self.record.derived_from is not None:
            traced = RunDirectory(self.run.path.parent / self.record.derived_from)
            source = source_of(traced, self.scenario.fit.epochs)
        return msgspec.structs.replace(
            run_request(self.record, self.scenario, self.environment),
            kind="run" if source is None else "derive",
            directory=encode_path(self.run.path),
            source=source,
            resume=Checkpoint(checkpoint.epoch, checkpoint.file) if usable and checkpoint else None,
        )

    def _require_own_model(self) -> None:
        """Raise InputError if the copy of the user's model is gone, or is not the one that was trusted."""
        if self.scenario.model.python is not None:
            file = self.run.file(layout.OWN_MODEL)
            own_model.require_same(file.read_bytes(), self.record.model_sha256, file)

    def _train(self, wakeup: int, attempt: int) -> None:
        self._require_own_model()
        request = self._request()
        if request.resume is None:
            self.progress.checkpoint = None
        self._oom_kills_before = out_of_memory.oom_kill_count()
        worker, warm_seconds = self._worker(request)
        try:
            worker.write_log(self.run.file(layout.WORKER_LOG))
            python = to_utf8(str(self.environment.python))
            self.log.add(events.WorkerStarted(pid=worker.process.pid, python=python, warm_seconds=warm_seconds))
            worker.send(request)
            self._relay_until_exit(worker, wakeup, attempt)
            self._exit_code = worker.process.wait(timeout=STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._fault = "the worker closed its pipes, did not end, and was killed"
        except (msgspec.DecodeError, RecursionError) as error:
            self._fault = f"the worker sent something that is no event, and was killed ({error})"
        finally:
            worker.close()
            remove_leftovers(self.run.path)

    def _worker(self, request: RunRequest) -> tuple[WorkerProcess, float | None]:
        """Return the warm worker and its age in seconds if it was prepared for this run, else a new worker."""
        if self._warm is not None:
            prepared = self._warm.take(RunIdentity.of_run(self.run), self.environment, request)
            if prepared is not None:
                return prepared
        home = self.run.file(layout.WORKER_HOME).absolute()
        return WorkerProcess(self.environment, home, self.record.threads, self._kernels()), None

    def _kernels(self) -> dict[str, str] | None:
        """Return what chose the kernels before: in an earlier attempt, or in the run that this one is derived from.

        None if this attempt chooses them.
        """
        kernels = recorded_kernels(self.run)
        if kernels is None and self.record.derived_from is not None:
            return recorded_kernels(RunDirectory(self.run.path.parent / self.record.derived_from))
        return kernels

    def _relay_until_exit(self, worker: WorkerProcess, wakeup: int, attempt: int) -> None:
        """Write down the worker's events and output until it closes its pipes; stop it if that is asked for."""
        next_beat = time.monotonic() + HEARTBEAT_SECONDS
        end_deadline: float | None = None
        with selectors.DefaultSelector() as selector:
            for descriptor in (worker.events, worker.output, wakeup):
                selector.register(descriptor, selectors.EVENT_READ)
            while worker.events in selector.get_map() or worker.output in selector.get_map():
                for key, _ in selector.select(POLL_SECONDS):
                    if key.fd == wakeup:
                        with contextlib.suppress(BlockingIOError):
                            os.read(wakeup, 512)
                    elif key.fd == worker.output:
                        if not worker.read_output():
                            selector.unregister(worker.output)
                    elif (batch := worker.read_events()) is None:
                        selector.unregister(worker.events)
                        end_deadline = time.monotonic() + STOP_GRACE_SECONDS
                    else:
                        for event in batch:
                            self._handle_event(event, attempt)
                now = time.monotonic()
                if now >= next_beat:
                    self.log.add(events.Heartbeat(boot_id=boot_id()))
                    next_beat = now + HEARTBEAT_SECONDS
                self._maybe_stop(worker, now)
                self._limit_build(worker)
                if end_deadline is not None and now >= end_deadline:
                    raise subprocess.TimeoutExpired("worker", STOP_GRACE_SECONDS)

    def _handle_event(self, event: events.AnyEvent, attempt: int) -> None:
        if isinstance(event, events.WorkerReady):
            return
        if isinstance(event, events.EnvironmentProbed):
            record = environment_record.collect(self.environment, event.record)
            is_first = not self.run.file(layout.ENVIRONMENT).exists()
            name = layout.ENVIRONMENT if is_first else layout.environment_of(attempt)
            write_durably(self.run.file(name), msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
            event = events.EnvironmentProbed()
        self.log.add(event)
        if isinstance(event, events.CheckpointWritten):
            self.log.sync()

    def _maybe_stop(self, worker: WorkerProcess, now: float) -> None:
        if self._stop_deadline is None:
            by = self._stop_wanted_by()
            if by is None:
                return
            self.log.add(events.StopRequested(by=by))
            self._stop_deadline = now + STOP_GRACE_SECONDS
            if self.progress.stage in ("import", "build", ""):
                worker.process.kill()  # nothing is trained yet that a checkpoint could keep
            else:
                worker.process.terminate()
        elif now >= self._stop_deadline or len(self.signals) > 1:
            worker.process.kill()

    def _limit_build(self, worker: WorkerProcess) -> None:
        """Kill a worker whose own model takes longer to load and build than its scenario allows."""
        limit = self.scenario.model.build_seconds
        if self.scenario.model.python is None or self.progress.stage != "build" or self._fault:
            return
        if self._building_since is None:
            self._building_since = time.monotonic()
        elif time.monotonic() - self._building_since >= limit:
            self._fault = f"your model was not built within {limit} s (model.build_seconds), and was stopped"
            worker.process.kill()

    def _conclude(self) -> ExitCode:
        progress = self.progress
        if progress.training_finished:
            return self._finish(self._seconds())
        if progress.stop_requested is not None and progress.failure is None:
            checkpoint = f"kept after epoch {progress.checkpoint.epoch}" if progress.checkpoint else "nothing kept yet"
            if progress.stop_requested in signal.Signals.__members__:
                return self._end("interrupted", f"by {progress.stop_requested}; {checkpoint}", ExitCode.ENDED_EARLY)
            return self._end("stopped", f"on request; {checkpoint}", ExitCode.ENDED_EARLY)
        if self._fault:
            return self._fail(self._fault, ExitCode.ENDED_EARLY)
        if progress.failure is not None:
            code = ExitCode.UNUSABLE if progress.failure.kind == "DeviceAbsentError" else ExitCode.ENDED_EARLY
            return self._fail(describe_failure(progress.failure), code)
        reason = describe_exit(self._exit_code, self._oom_kills_before, out_of_memory.oom_kill_count())
        return self._fail(reason, ExitCode.ENDED_EARLY)

    def _finish(self, seconds: float) -> ExitCode:
        """Write the result: measurements, claims, verdict."""
        labels = [image.label for image in self.record.images]
        try:
            measurements = self.progress.measurements(self.scenario.fit.epochs, labels)
        except InputError as error:
            return self._fail(str(error), ExitCode.ENDED_EARLY)
        return self._write_result(measurements, seconds)


def supervise(
    run: RunDirectory,
    lock: IO[bytes],
    record: RunRecord,
    scenario: AnyScenario,
    environment: Environment,
    on_event: OnEvent = ignore_event,
    warm: WarmWorker | None = None,
) -> ExitCode:
    """Supervise one attempt at a run whose `lock` is held; the lock is released at the end."""
    with lock:
        try:
            run.reserve()
        except OSError as error:
            raise UnusableError(
                f"the run cannot be written ({error.strerror})", do=store_remedy(error), file=run.path
            ) from None
        try:
            if isinstance(scenario, ScriptScenario):
                return ProgramSupervisor(run, record, scenario, environment, on_event).supervise()
            return Supervisor(run, record, scenario, environment, on_event, warm).supervise()
        finally:
            with contextlib.suppress(OSError):
                run.release_reserve()
