"""Starts one worker, writes its events down and owns the run until it ends."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from repro.base.errors import EndedEarlyError, ExitCode, InputError, ReproError, UnusableError, encodable, printable
from repro.base.files import sha256, sync_folder, write_durably
from repro.environment import record as environment_record
from repro.environment.definition import Environment
from repro.environment.machine import ONEDNN, PASSED_ON
from repro.runs import cleanup, events, layout
from repro.runs.directory import RunDirectory
from repro.runs.event_reader import MAX_LINE_BYTES, EventReader
from repro.runs.events import HEARTBEAT_SECONDS
from repro.runs.heartbeat import boot_id
from repro.runs.identity import RunIdentity, recorded_kernels
from repro.runs.progress import Progress
from repro.runs.records import FORMAT, Result, RunRecord
from repro.runs.store import store_remedy
from repro.runs.verdict import decide_all, verdict
from repro.scenario import own_model
from repro.scenario.types import Scenario
from repro.supervise import out_of_memory

if TYPE_CHECKING:
    from repro.supervise.warm_worker import WarmWorker

WORKER = Path(__file__).resolve().parent.parent / "worker"
POLL_SECONDS = 0.2
STOP_GRACE_SECONDS = 55.0
CHECKPOINT_SECONDS = 60.0
SNAPSHOT_EPOCHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
MAX_LOG_BYTES = 32 * 1024 * 1024
MAX_EARLY_LOG_BYTES = 1024 * 1024
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

OnEvent = Callable[[events.AnyEvent], None]


def _nobody(_: events.AnyEvent) -> None:
    """Listens to nothing."""


class SteadyClock:
    """Seconds since the epoch that never go back: the clock's when it was made, counted on whatever becomes of that."""

    def __init__(self) -> None:
        self._offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def now(self) -> float:
        """Now."""
        return self._offset + time.clock_gettime(time.CLOCK_BOOTTIME)


class EventLog:
    """Appends events to `events.jsonl` and folds them; a line that could not be written whole is taken back."""

    def __init__(self, run: RunDirectory, on_event: OnEvent) -> None:
        self.path = run.file(layout.EVENTS)
        self.progress = Progress()
        self.clock = SteadyClock()
        self._seq = 0
        self._on_event = on_event
        self._take_up(run.reader())
        self._stream = self.path.open("ab", buffering=0)

    def _take_up(self, reader: EventReader) -> None:
        """Go on behind the last whole line; a torn one is cut off."""
        while more := reader.read():
            self.progress.extend(more)
            self._seq = more[-1].seq + 1
        if self.path.exists() and self.path.stat().st_size != reader.offset:
            os.truncate(self.path, reader.offset)

    def add(self, event: events.AnyEvent) -> None:
        """Number, date and write one event, then tell whoever listens."""
        now = time.time() if isinstance(event, events.Heartbeat) else self.clock.now()
        event = msgspec.structs.replace(event, seq=self._seq, time=now)
        line = memoryview(events.encode(event))
        start = self._stream.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._stream.write(line) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._stream.truncate(start)
            raise
        self._seq += 1
        self.tell(event)

    def tell(self, event: events.AnyEvent) -> None:
        """Fold one event and tell whoever listens."""
        self.progress.take(event)
        try:
            self._on_event(event)
        except OSError:  # whoever listened has gone, with the terminal or at the end of a pipe: the run goes on
            self._on_event = _nobody

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()


class WorkerProcess:
    """The child process with its pipes: requests, events, and standard output with standard error.

    What it prints is kept until `write_log` says where to.
    """

    def __init__(
        self, environment: Environment, home: Path, threads: int, kernels: dict[str, str] | None = None
    ) -> None:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        self._home = home
        self._log: IO[bytes] | None = None
        self._log_left = MAX_EARLY_LOG_BYTES
        self._printed = bytearray()
        self._rest = bytearray()
        read_end, write_end = os.pipe()
        try:
            self.process = subprocess.Popen(
                [environment.python, "-s", "-u", WORKER, str(write_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[write_end],
                env=worker_variables(environment, home, threads, kernels),
                cwd=home,
                start_new_session=True,
            )
        except BaseException:
            os.close(read_end)
            shutil.rmtree(home, ignore_errors=True)
            raise
        finally:
            os.close(write_end)
        self.events = read_end
        assert self.process.stdin is not None and self.process.stdout is not None
        self.output: int = self.process.stdout.fileno()

    def ask(self, request: dict[str, Any], *, last: bool = True) -> None:
        """Send a request; behind the `last` one the worker reads the end."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(msgspec.json.encode(request) + b"\n")
            self.process.stdin.flush()
        if last:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()

    def write_log(self, log: Path) -> None:
        """Write what it printed so far, and all that it prints from now on, to the end of `log`."""
        self._log = log.open("ab", buffering=0)
        self._log_left = MAX_LOG_BYTES - log.stat().st_size
        self._print(bytes(self._printed))
        self._printed.clear()

    def read_events(self) -> list[bytes] | None:
        """Whole lines that came, None at the end."""
        data = os.read(self.events, 1 << 18)
        if not data:
            return None
        self._rest += data
        if b"\n" not in data:
            if len(self._rest) > MAX_LINE_BYTES:
                raise msgspec.DecodeError("a line that is too long")
            return []
        *lines, self._rest = self._rest.split(b"\n")
        return [bytes(line) for line in lines]

    def read_output(self) -> bool:
        """Write what the worker printed to its log; False at the end."""
        data = os.read(self.output, 1 << 18)
        self._print(data)
        return bool(data)

    def _print(self, data: bytes) -> None:
        data = data[: max(0, self._log_left)]
        self._log_left -= len(data)
        if self._log is None:
            self._printed += data
        elif data:
            self._log.write(data)
            if self._log_left == 0:
                self._log.write(b"\n[the log is full: the rest was dropped]\n")

    def close(self) -> None:
        """End the process if it lives, and leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        os.close(self.events)
        if self._log is not None:
            self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)


def checkpoint_seconds() -> float:
    """Seconds between checkpoints: $REPRO_CHECKPOINT_SECONDS, else 60."""
    text = os.environ.get("REPRO_CHECKPOINT_SECONDS")
    if not text:
        return CHECKPOINT_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise InputError(f"REPRO_CHECKPOINT_SECONDS: {printable(text, 40)!r} is no number of seconds", do="0 to 86400")
    return seconds


def path_bytes(path: Path) -> str:
    """An absolute path as JSON can hold it, whatever its bytes: each byte as the character of that number."""
    return os.fsencode(path.absolute()).decode("latin-1")


def worker_variables(
    environment: Environment, home: Path, threads: int, kernels: dict[str, str] | None = None
) -> dict[str, str]:
    """All variables that the worker gets: none of the user's but the allow-listed ones.

    `kernels`: those by which a run's kernels were chosen when it began (`identity.recorded_kernels`); others give
    other digits.
    """
    variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    if kernels is not None:
        variables.pop(ONEDNN, None)
        variables.update(kernels)
    return {
        **variables,
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "KERAS_HOME": str(home),
        "TMPDIR": str(home),
        "OMP_NUM_THREADS": str(threads),
        **environment.interpreter_variables(),
        **environment.definition.variables,
    }


@contextlib.contextmanager
def _signals(received: list[signal.Signals]) -> Iterator[int]:
    """While inside, signals that would end the process are collected; yields a descriptor that wakes a select."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def note(number: int, _: object) -> None:
        received.append(signal.Signals(number))

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    wakeup = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    try:
        yield read_end
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)


class Supervisor:
    """One stretch of one run."""

    def __init__(
        self,
        run: RunDirectory,
        record: RunRecord,
        scenario: Scenario,
        environment: Environment,
        on_event: OnEvent = _nobody,
        warm: WarmWorker | None = None,
    ) -> None:
        self.run = run
        self.record = record
        self.scenario = scenario
        self.environment = environment
        self.log = EventLog(run, on_event)
        self._warm = warm
        self.signals: list[signal.Signals] = []
        self._stop_deadline: float | None = None
        self._fault = ""
        self._building_since: float | None = None
        self._memory_kills: int | None = None
        self._started = self.log.clock.now()

    @property
    def progress(self) -> Progress:
        return self.log.progress

    def supervise(self) -> ExitCode:
        """Train until the end, a fault, a stop or a signal; write down how it ended."""
        stop = self.run.file(layout.STOP_REQUEST)
        stop.unlink(missing_ok=True)
        cleanup.remove(self.run.path)
        stretch = self.progress.stretch + 1
        try:
            if self.progress.training_finished:  # whoever supervised it was ended before it could write the result
                return self._finish(self.progress.seconds_so_far)
            with _signals(self.signals) as wakeup:
                self.log.add(events.RunStarted(stretch=stretch, epochs=self.scenario.fit.epochs, boot_id=boot_id()))
                self._require_own_model()
                self._train(wakeup, stretch)
                return self._conclude()
        except ReproError as error:
            return self._fail(str(error), error.exit_code)
        except OSError as error:
            where = f"{Path(error.filename).name}: " if isinstance(error.filename, str | Path) else ""
            return self._fail(f"the run could not be written ({where}{error.strerror})", ExitCode.ENDED_EARLY)
        finally:
            if self.progress.stop_requested is None and (by := self._stop_wanted_by()):
                self.log.tell(events.StopRequested(by=by))  # too late for this run, not for the next one
            stop.unlink(missing_ok=True)
            self.log.close()

    def _request(self) -> dict[str, Any]:
        checkpoint = self.progress.checkpoint
        usable = checkpoint is not None and self.run.file(checkpoint.file).is_file()
        if checkpoint is not None and usable and sha256(self.run.file(checkpoint.file)) != checkpoint.sha256:
            self.log.add(events.Warned(message=f"the checkpoint of epoch {checkpoint.epoch} is damaged: starting anew"))
            usable = False
        source = self._source()
        return {
            **run_request(self.record, self.scenario, self.environment),
            "kind": "run" if source is None else "derive",
            "directory": path_bytes(self.run.path),
            "source": source,
            "resume": {"epoch": checkpoint.epoch, "file": checkpoint.file} if usable and checkpoint else None,
        }

    def _source(self) -> dict[str, Any] | None:
        """Where a derived run finds weights, statistics and epochs; EndedEarlyError where the traced run is gone."""
        if self.record.derived_from is None:
            return None
        run = RunDirectory(self.run.path.parent / self.record.derived_from)
        if run.result() is None:
            raise EndedEarlyError(f"the traced run {run.id} is gone or did not finish", do="start this one anew")
        done = run.progress()
        rows = zip(done.loss, done.accuracy, done.epoch_seconds, strict=True)
        return {
            "run": run.id,
            "directory": path_bytes(run.path),
            "epochs": list(rows)[: self.scenario.fit.epochs],
        }

    def _require_own_model(self) -> None:
        """InputError where the copy of the user's model is gone or another than was trusted."""
        if self.scenario.model.python is not None:
            file = self.run.file(layout.OWN_MODEL)
            own_model.require_same(file.read_bytes(), self.record.model_sha256, file)

    def _train(self, wakeup: int, stretch: int) -> None:
        request = self._request()
        if request["resume"] is None:
            self.progress.checkpoint = None
        self._memory_kills = out_of_memory.kills()
        worker, warm_seconds = self._worker(request)
        try:
            worker.write_log(self.run.file(layout.WORKER_LOG))
            python = encodable(str(self.environment.python))
            self.log.add(events.WorkerStarted(pid=worker.process.pid, python=python, warm_seconds=warm_seconds))
            worker.ask(request)
            self._pump(worker, wakeup, stretch)
            self._exit_code = worker.process.wait(timeout=STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._fault = "the worker closed its pipes, did not end, and was killed"
        except (msgspec.DecodeError, RecursionError) as error:
            self._fault = f"the worker sent something that is no event, and was killed ({error})"
        finally:
            worker.close()
            cleanup.remove(self.run.path)

    def _worker(self, request: dict[str, Any]) -> tuple[WorkerProcess, float | None]:
        """The warm worker where it was prepared for just this, and its age in seconds; else a new one."""
        if self._warm is not None:
            taken = self._warm.take(RunIdentity.of_run(self.run), self.environment, request)
            if taken is not None:
                return taken
        home = self.run.file(layout.WORKER_HOME).absolute()
        return WorkerProcess(self.environment, home, self.record.threads, self._kernels()), None

    def _kernels(self) -> dict[str, str] | None:
        """Those of the stretches before, or of the training that the run is derived from; None: this one chooses."""
        found = recorded_kernels(self.run)
        if found is None and self.record.derived_from is not None:
            return recorded_kernels(RunDirectory(self.run.path.parent / self.record.derived_from))
        return found

    def _pump(self, worker: WorkerProcess, wakeup: int, stretch: int) -> None:
        """Move what the worker says to the files until it closes its pipes."""
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
                    elif (lines := worker.read_events()) is None:
                        selector.unregister(worker.events)
                        end_deadline = time.monotonic() + STOP_GRACE_SECONDS
                    else:
                        for line in lines:
                            self._take(events.decode(line), stretch)
                now = time.monotonic()
                if now >= next_beat:
                    self.log.add(events.Heartbeat(boot_id=boot_id()))
                    next_beat = now + HEARTBEAT_SECONDS
                self._maybe_stop(worker, now)
                self._limit_build(worker)
                if end_deadline is not None and now >= end_deadline:
                    raise subprocess.TimeoutExpired("worker", STOP_GRACE_SECONDS)

    def _take(self, event: events.AnyEvent, stretch: int) -> None:
        if isinstance(event, events.WorkerReady):
            return
        if isinstance(event, events.EnvironmentProbed):
            record = environment_record.collect(self.environment, event.record)
            is_first = not self.run.file(layout.ENVIRONMENT).exists()
            name = layout.ENVIRONMENT if is_first else layout.environment_of(stretch)
            write_durably(self.run.file(name), msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
            event = events.EnvironmentProbed()
        self.log.add(event)
        if isinstance(event, events.CheckpointWritten):
            self.log.sync()

    def _stop_wanted_by(self) -> str | None:
        if self.signals:
            return self.signals[0].name
        return "the file stop" if self.run.file(layout.STOP_REQUEST).exists() else None

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
        """End a worker whose own model takes longer to load and build than its scenario allows."""
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
        if progress.stop_requested is not None and (progress.failure is None):
            kept = f"kept after epoch {progress.checkpoint.epoch}" if progress.checkpoint else "nothing kept yet"
            if progress.stop_requested in signal.Signals.__members__:
                return self._end("interrupted", f"by {progress.stop_requested}; {kept}", ExitCode.ENDED_EARLY)
            return self._end("stopped", f"on request; {kept}", ExitCode.ENDED_EARLY)
        if self._fault:
            return self._fail(self._fault, ExitCode.ENDED_EARLY)
        if progress.failure is not None:
            code = ExitCode.UNUSABLE if progress.failure.kind == "DeviceAbsentError" else ExitCode.ENDED_EARLY
            return self._fail(_told(progress.failure), code)
        if self._exit_code < 0:
            return self._fail(self._killed_by(signal.Signals(-self._exit_code)), ExitCode.ENDED_EARLY)
        return self._fail(f"the worker ended with exit code {self._exit_code} and no result", ExitCode.ENDED_EARLY)

    def _killed_by(self, number: signal.Signals) -> str:
        if number != signal.SIGKILL:
            return f"the worker was killed by {number.name}"
        before, after = self._memory_kills, out_of_memory.kills()
        if before is None or after is None:
            return "the worker was killed by SIGKILL (probably out of memory: the kernel kills so)"
        if after > before:
            return "out of memory: the kernel killed the worker"
        return "the worker was killed by SIGKILL"

    def _fail(self, reason: str, code: ExitCode) -> ExitCode:
        return self._end("failed", printable(reason, 500), code)

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
            self.log.tell(event)
        return code

    def _finish(self, seconds: float) -> ExitCode:
        """Write the result: measurements, claims, verdict and the hash of every file. `seconds`: the run took so long.

        A kill or a full disk in the middle of it loses nothing: a resume does it again.
        """
        labels = [image.label for image in self.record.images]
        try:
            measurements = self.progress.measurements(self.scenario.fit.epochs, labels)
        except InputError as error:
            return self._fail(str(error), ExitCode.ENDED_EARLY)
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
            degraded=self._is_degraded(),
            derived_from=self.record.derived_from,
            claims=claims,
            measurements=measurements,
            seconds={**self.progress.seconds, "total": round(seconds, 3)},
            files=file_hashes(self.run),
        )
        write_durably(self.run.file(layout.RESULT), msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
        sync_folder(self.run.path)
        return code

    def _seconds(self) -> float:
        """How long the run took, without the time between its stretches."""
        return self.progress.seconds_before + self.log.clock.now() - self._started

    def _is_degraded(self) -> bool:
        if self.record.device == "auto":
            return False
        with contextlib.suppress(OSError, msgspec.DecodeError, KeyError):
            record = msgspec.json.decode(self.run.file(layout.ENVIRONMENT).read_bytes())
            return bool(record["facts"]["device"] != self.record.device)
        return True


def _told(failure: events.WorkerFailed) -> str:
    """The worker's own fault in words."""
    if failure.kind == "OwnModelError":
        return failure.message
    if failure.kind == "MemoryError":
        return "out of memory (MemoryError)"
    said = f"{failure.kind}: {failure.message}"
    is_memory = failure.kind == "ResourceExhaustedError" or "Cannot allocate memory" in failure.message
    return f"out of memory ({printable(said, 400)})" if is_memory else said


def file_hashes(run: RunDirectory) -> dict[str, str]:
    """SHA-256 of every file of a run but the lock, the result and the stop request, by relative name."""
    files = sorted(path for path in run.path.rglob("*") if path.is_file())
    return {str(path.relative_to(run.path)): sha256(path) for path in files if path.name not in layout.NOT_HASHED}


def run_request(record: RunRecord, scenario: Scenario, environment: Environment) -> dict[str, Any]:
    """What a worker is asked to do, but for where the run lies and what it goes on from."""
    return {
        "kind": "run",
        "adapter": environment.definition.adapter,
        "supervisor": os.getpid(),
        "scenario": plain_scenario(scenario),
        "labels": [image.label for image in record.images],
        "validation_labels": [image.label for image in record.validation_images],
        "seed": record.seed,
        "threads": record.threads,
        "device": record.device,
        "deterministic": record.deterministic,
        "measured_epochs": scenario.measured_epochs,
        "checkpoint_seconds": checkpoint_seconds(),
        "keep_weights": record.keep_weights,
        "record_variables": list(environment_record.RECORDED_VARIABLES),
        "trace": trace_request(scenario, record) if record.traced else None,
        "source": None,
        "resume": None,
    }


def trace_request(scenario: Scenario, record: RunRecord) -> dict[str, Any]:
    """What a worker needs to trace a run of `scenario`."""
    kept = snapshot_epochs(scenario) if record.snapshot_epochs is None else record.snapshot_epochs
    return {"snapshot_epochs": kept}


def snapshot_epochs(scenario: Scenario) -> list[int]:
    """Epochs after which a traced run keeps its weights."""
    return sorted(epoch for epoch in {*SNAPSHOT_EPOCHS, *scenario.measured_epochs} if epoch <= scenario.fit.epochs)


def plain_scenario(scenario: Scenario) -> dict[str, Any]:
    """The scenario with all defaults written out, for the worker."""
    plain: dict[str, Any] = msgspec.to_builtins(scenario)
    plain["fit"] = {"shuffle": scenario.fit.shuffle, "batch_size": scenario.fit.batch_size, **plain["fit"]}
    plain["images"] = {"channels": scenario.images.channels, **plain["images"]}
    return plain


def supervise(
    run: RunDirectory,
    lock: IO[bytes],
    record: RunRecord,
    scenario: Scenario,
    environment: Environment,
    on_event: OnEvent = _nobody,
    warm: WarmWorker | None = None,
) -> ExitCode:
    """Supervise one stretch of a run whose `lock` is held; the lock is let go at the end."""
    with lock:
        try:
            run.reserve()
        except OSError as error:
            raise UnusableError(
                f"the run cannot be written ({error.strerror})", do=store_remedy(error), file=run.path
            ) from None
        try:
            return Supervisor(run, record, scenario, environment, on_event, warm).supervise()
        finally:
            with contextlib.suppress(OSError):
                run.release_reserve()
