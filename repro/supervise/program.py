"""Owns a run whose training is a program: runs it under the recorder and takes in what was recorded."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import time
from pathlib import Path

import msgspec
from msgspec import UNSET

from repro.base.errors import ExitCode, InputError
from repro.base.files import write_durably
from repro.base.text import one_line, to_utf8
from repro.environment import record as environment_record
from repro.environment.definition import Environment
from repro.runs import events, layout
from repro.runs.directory import RunDirectory
from repro.runs.event_log import OnEvent, ignore_event
from repro.runs.events import HEARTBEAT_SECONDS
from repro.runs.heartbeat import boot_id
from repro.runs.identity import recorded_kernels
from repro.runs.program_figures import measure
from repro.runs.recorder_mark import Mark, why_nothing
from repro.runs.records import RunRecord
from repro.runs.view import read_environment
from repro.scenario import own_model
from repro.scenario.printed import TAIL_BYTES
from repro.scenario.script_types import ScriptScenario
from repro.supervise import out_of_memory
from repro.supervise.failure import describe_exit
from repro.supervise.program_process import ProgramProcess
from repro.supervise.relay import Relay
from repro.supervise.run_owner import RunOwner

POLL_SECONDS = 0.2
STOP_GRACE_SECONDS = 10.0

# Modules whose package has another name.
_PACKAGES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
_ARRAY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.npy\Z")
_MISSING = re.compile(rb"^(?:ModuleNotFoundError|ImportError): No module named '?([A-Za-z_][A-Za-z0-9_]*)")


class ProgramSupervisor(RunOwner[ScriptScenario]):
    """One attempt at a run that a program trains; each attempt begins from the start."""

    def __init__(
        self,
        run: RunDirectory,
        record: RunRecord,
        scenario: ScriptScenario,
        environment: Environment,
        on_event: OnEvent = ignore_event,
    ) -> None:
        super().__init__(run, record, scenario, environment, on_event)
        self._home = run.file(layout.WORKER_HOME).absolute()
        self._fault = ""
        self._stop_deadline: float | None = None
        self._exit_code = 0
        self._oom_kills_before: int | None = None
        self._environment_written = False
        self._recording: Path | None = None
        self._mark = Mark()

    def _is_trained(self) -> bool:
        return False

    def _epochs(self) -> int:
        return 0

    def _train(self, wakeup: int, attempt: int) -> None:
        self._require_program()
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir()
        self._oom_kills_before = out_of_memory.oom_kill_count()
        log = self.run.file(layout.WORKER_LOG)
        log.unlink(missing_ok=True)
        try:
            kernels = recorded_kernels(self.run)  # of an earlier attempt; None if this one chooses them
            program = ProgramProcess(self.run, self.record, self.scenario, self.environment, self._home, kernels)
            try:
                python = to_utf8(str(self.environment.python))
                self.log.add(events.WorkerStarted(pid=program.process.pid, python=python))
                self.log.add(events.StageStarted(stage="program"))
                relay = Relay(program.recordings, program.mark, self.scenario.training, self.log)
                self._relay_until_exit(program, relay, wakeup, attempt)
            finally:
                program.close()
            self._exit_code = program.process.returncode
            while relay.poll():
                pass
            self._take_in(relay, attempt)
        except msgspec.DecodeError as error:
            self._fault = f"the recording is damaged ({one_line(str(error), 200)})"
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    def _require_program(self) -> None:
        """Raise InputError if a file of the program is not the one that was trusted."""
        assert self.record.script is not UNSET
        for file in self.record.script.files:
            path = self.run.file(layout.PROGRAM) / file.name
            try:
                own_model.require_same(path.read_bytes(), file.sha256, path)
            except OSError as error:
                what = f"cannot be read ({error.strerror})"
                raise InputError(what, do="start a run of your own", file=path) from None

    def _relay_until_exit(self, program: ProgramProcess, relay: Relay, wakeup: int, attempt: int) -> None:
        """Write down what the program prints and what its recorder writes until it ends; stop it if it must."""
        begun = time.monotonic()
        next_beat = begun + HEARTBEAT_SECONDS
        is_open = True
        with selectors.DefaultSelector() as selector:
            for descriptor in (program.output, wakeup):
                selector.register(descriptor, selectors.EVENT_READ)
            while program.process.poll() is None or is_open:
                for key, _ in selector.select(POLL_SECONDS):
                    if key.fd == wakeup:
                        with contextlib.suppress(BlockingIOError):
                            os.read(wakeup, 512)
                    elif not program.read_output():
                        selector.unregister(program.output)
                        is_open = False
                if program.process.poll() is not None and is_open:
                    program.end_group()  # a process that it started holds its output open
                relay.poll()
                self._write_environment(relay, attempt)
                now = time.monotonic()
                if now >= next_beat:
                    self.log.add(events.Heartbeat(boot_id=boot_id()))
                    next_beat = now + HEARTBEAT_SECONDS
                self._limit(program, now - begun)
                self._maybe_stop(program, now)

    def _limit(self, program: ProgramProcess, seconds: float) -> None:
        if self._fault:
            return
        if seconds >= self.scenario.script.seconds:
            self._fault = f"the program took longer than {self.scenario.script.seconds} s (script.seconds)"
        elif program.has_printed_too_much:
            self._fault = f"the program printed more than {program.MAX_OUTPUT_BYTES >> 20} MiB"
        if self._fault:
            program.end_group()

    def _maybe_stop(self, program: ProgramProcess, now: float) -> None:
        if self._stop_deadline is None:
            by = self._stop_wanted_by()
            if by is None:
                return
            self.log.add(events.StopRequested(by=by))
            self._stop_deadline = now + STOP_GRACE_SECONDS
            program.end_group(signal.SIGTERM)
        elif now >= self._stop_deadline or len(self.signals) > 1:
            program.end_group()

    def _write_environment(self, relay: Relay, attempt: int) -> None:
        """Write the environment record once the recorder has probed its process."""
        if self._environment_written or relay.recording is None:
            return
        if not (relay.recording / layout.ENVIRONMENT).is_file():
            return
        probed = read_environment(RunDirectory(relay.recording))
        own = environment_record.ENGINE_PROBES
        record = environment_record.collect(
            self.environment,
            {
                "facts": {name: fact for name, fact in probed.get("facts", {}).items() if name not in own},
                "missing": {name: why for name, why in probed.get("missing", {}).items() if name not in own},
            },
        )
        is_first = not self.run.file(layout.ENVIRONMENT).exists()
        name = layout.ENVIRONMENT if is_first else layout.environment_of(attempt)
        write_durably(self.run.file(name), msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
        self._environment_written = True

    def _take_in(self, relay: Relay, attempt: int) -> None:
        """Move what the recording kept beside its events into the run."""
        self._mark = relay.mark
        self._recording = relay.recording
        if relay.recording is None:
            return
        self._write_environment(relay, attempt)
        arrays = relay.recording / layout.ARRAYS
        for path in sorted(arrays.iterdir()) if arrays.is_dir() else []:
            if _ARRAY.match(path.name) and path.is_file() and not path.is_symlink():
                path.replace(self.run.file(layout.ARRAYS) / path.name)

    def _conclude(self) -> ExitCode:
        stop = self.progress.stop_requested
        if stop is not None:
            if stop in signal.Signals.__members__:
                return self._end("interrupted", f"by {stop}; a program begins from the start", ExitCode.ENDED_EARLY)
            return self._end("stopped", "on request; a program begins from the start", ExitCode.ENDED_EARLY)
        if self._fault:
            return self._fail(self._fault, ExitCode.ENDED_EARLY)
        if self._exit_code != 0:
            return self._fail_by_exit()
        if self._recording is None:
            return self._fail(self._why_no_training(), ExitCode.ENDED_EARLY)
        recording = self.progress.recorded
        if recording is None or recording.latest is None or recording.latest.ended is None:
            return self._fail("the program ended before fit returned", ExitCode.ENDED_EARLY)
        return self._finish(self._seconds())

    def _why_no_training(self) -> str:
        wanted, count = self.scenario.training, len(self._mark.recordings)
        if wanted is not None and count:
            return f"the program trained {count} model{'s' if count > 1 else ''}: there is no training {wanted}"
        return f"the program ended, but {why_nothing(self._mark)}"

    def _fail_by_exit(self) -> ExitCode:
        """Say why a program ended that did not end well: a missing package, its last line, or a signal."""
        if self._exit_code < 0:
            words = describe_exit(self._exit_code, self._oom_kills_before, out_of_memory.oom_kill_count())
            return self._fail(words.replace("the worker", "the program"), ExitCode.ENDED_EARLY)
        lines = [line for line in self._output().splitlines() if line.strip()]
        for line in reversed(lines[-50:]):
            if match := _MISSING.match(line):
                return self._fail(self._without_module(match[1].decode()), ExitCode.UNUSABLE)
        last = one_line(lines[-1].decode("utf-8", "replace"), 300) if lines else "it printed nothing"
        return self._fail(f"the program ended with exit code {self._exit_code} ({last})", ExitCode.ENDED_EARLY)

    def _without_module(self, module: str) -> str:
        """Say that the environment lacks a module, and how to get one that has it."""
        package = _PACKAGES.get(module, module)
        name = f"{self.environment.name}-{package.lower().replace('_', '-')}"
        new = f"repro environment new {name} {self._requirements()} {package}"
        return f"the environment {self.environment.name} has no {module}: {new}, or put its file under script.files"

    def _requirements(self) -> str:
        """Return the environment's own Keras and TensorFlow as requirements."""
        versions = self.environment.locked_versions()
        names = ("keras", "tensorflow", "tensorflow-cpu")
        return " ".join(f"{name}=={versions[name]}" for name in names if name in versions)

    def _output(self) -> bytes:
        """Return the end of what the program printed."""
        try:
            with self.run.file(layout.WORKER_LOG).open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - TAIL_BYTES))
                return stream.read()
        except FileNotFoundError:
            return b""

    def _finish(self, seconds: float) -> ExitCode:
        measured, reasons = measure(self.progress, self.scenario, self._output())
        for name, reason in reasons.items():
            self.log.add(events.Warned(message=f"printed.{name}: {reason}"))
        return self._write_result(measured, seconds)
