"""Starts a worker in an environment and talks to it: the only place that does."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import shutil
import subprocess
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

import msgspec

from repro.environment import use
from repro.environment.definition import Environment
from repro.environment.machine import ONEDNN, PASSED_ON
from repro.runs import events
from repro.runs.event_reader import MAX_LINE_BYTES

WORKER = Path(__file__).resolve().parent.parent / "worker"
MAX_LOG_BYTES = 32 * 1024 * 1024
MAX_EARLY_LOG_BYTES = 1024 * 1024
READ_BYTES = 1 << 18


class WorkerProcess:
    """A worker with its pipes: requests go in; events, and its standard output and error together, come out.

    What it prints is kept in memory until `write_log` names a file for it. `contextlib.closing` ends it.
    """

    def __init__(
        self, environment: Environment, home: Path, threads: int, kernels: dict[str, str] | None = None
    ) -> None:
        """Start the worker; OSError if that fails. `home` is emptied first and removed by `close`."""
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        self._home = home
        self._held = use.hold(environment)
        self._log: IO[bytes] | None = None
        self._log_bytes_left = MAX_EARLY_LOG_BYTES
        self._printed = bytearray()
        self._unfinished_line = bytearray()
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
            self._let_go()
            os.close(read_end)
            shutil.rmtree(home, ignore_errors=True)
            raise
        finally:
            os.close(write_end)
        self.events = read_end
        assert self.process.stdin is not None and self.process.stdout is not None
        self.output: int = self.process.stdout.fileno()

    def send(self, message: msgspec.Struct, *, is_last: bool = True) -> None:
        """Send a message; after the last one the worker reads the end of its input."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(msgspec.json.encode(message) + b"\n")
            self.process.stdin.flush()
        if is_last:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()

    def write_log(self, log: Path) -> None:
        """Append to `log` what the worker has printed, and all that it prints from now on."""
        self._log = log.open("ab", buffering=0)
        self._log_bytes_left = MAX_LOG_BYTES - log.stat().st_size
        self._store_output(bytes(self._printed))
        self._printed.clear()

    def read_events(self) -> Iterator[events.AnyEvent] | None:
        """Read once and return the events that are complete, or None if the worker has closed the pipe.

        msgspec.DecodeError for a line that is too long; the iterator raises it for a line that is not an event.
        """
        data = os.read(self.events, READ_BYTES)
        if not data:
            return None
        self._unfinished_line += data
        if b"\n" not in data:
            if len(self._unfinished_line) > MAX_LINE_BYTES:
                raise msgspec.DecodeError("a line that is too long")
            return iter(())
        *lines, self._unfinished_line = self._unfinished_line.split(b"\n")
        return (events.decode(bytes(line)) for line in lines)

    def read_output(self) -> bool:
        """Read once what the worker printed; return False if it has closed its output."""
        data = os.read(self.output, READ_BYTES)
        self._store_output(data)
        return bool(data)

    def iterate_events(self, seconds: float | None = None) -> Generator[events.AnyEvent]:
        """Yield events until the worker closes its pipe; subprocess.TimeoutExpired after `seconds`."""
        end = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for descriptor in (self.events, self.output):
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                ready = selector.select(None if end is None else max(0.0, end - time.monotonic()))
                if not ready and seconds is not None:
                    raise subprocess.TimeoutExpired(self.process.args, seconds)
                for key, _ in ready:
                    if key.fd == self.events:
                        batch = self.read_events()
                        if batch is None:
                            return
                        yield from batch
                    elif not self.read_output():
                        selector.unregister(self.output)

    def last_line(self, seconds: float) -> str:
        """Wait until the worker has ended and return the last line that it printed; an empty string for none.

        subprocess.TimeoutExpired if it does not end within `seconds`.
        """
        self.process.wait(seconds)
        while select.select([self.output], [], [], 0)[0] and self.read_output():
            pass
        lines = self._printed.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _store_output(self, data: bytes) -> None:
        data = data[: max(0, self._log_bytes_left)]
        self._log_bytes_left -= len(data)
        if self._log is None:
            self._printed += data
        elif data:
            self._log.write(data)
            if self._log_bytes_left == 0:
                self._log.write(b"\n[the log is full: the rest was dropped]\n")

    def close(self) -> None:
        """Kill the process if it is alive, and remove its home."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        os.close(self.events)
        self._let_go()
        if self._log is not None:
            self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _let_go(self) -> None:
        """Let the environment be removed again."""
        if self._held is not None:
            self._held.close()


def worker_variables(
    environment: Environment, home: Path, threads: int, kernels: dict[str, str] | None = None
) -> dict[str, str]:
    """Return all environment variables of a worker: of the user's own, only those on an allow-list.

    `kernels`: the variables that chose the kernels of an earlier attempt (`identity.recorded_kernels`). Others would
    give other digits.
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
