"""Starts the program of a script scenario under the recorder: the only place that does."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from msgspec import UNSET

from repro.environment.definition import Environment
from repro.recorder import single_file
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.records import RunRecord
from repro.scenario.script_types import ScriptScenario
from repro.supervise.worker_process import worker_variables

READ_BYTES = 1 << 18


class ProgramProcess:
    """A program in a session of its own and a copy of its folder; standard output and error come out together."""

    MAX_OUTPUT_BYTES = 32 * 1024 * 1024

    def __init__(
        self,
        run: RunDirectory,
        record: RunRecord,
        scenario: ScriptScenario,
        environment: Environment,
        home: Path,
        kernels: dict[str, str] | None,
    ) -> None:
        """Start the program; OSError if that fails. All that it writes in its folder is in `home`."""
        assert record.script is not UNSET
        self.recordings = home / "recordings"
        self.mark = home / "mark"
        hook, user_home, folder = home / "hook", home / "home", home / layout.PROGRAM
        user_home.mkdir()
        shutil.copytree(run.file(layout.PROGRAM), folder)
        single_file.write_hook_folder(hook)
        self._log = run.file(layout.WORKER_LOG).open("wb", buffering=0)
        self._bytes_left = self.MAX_OUTPUT_BYTES
        self.has_printed_too_much = False
        variables = worker_variables(environment, user_home, record.threads, kernels)
        variables |= {
            "PATH": os.pathsep.join([str(environment.python.parent), variables["PATH"]]),
            "PYTHONPATH": str(hook),
            "TF_NUM_INTRAOP_THREADS": str(record.threads),
            "REPRO_SEED": str(record.seed),
            "REPRO_RECORD_STORE": str(self.recordings),
            "REPRO_RECORD_MARK": str(self.mark),
            "REPRO_RECORD_NAME": scenario.name,
            "REPRO_RECORD_PARENT": str(os.getpid()),
        }
        if record.device == "cpu":
            variables["CUDA_VISIBLE_DEVICES"] = "-1"
        try:
            self.process = subprocess.Popen(
                [environment.python, "-u", record.script.file, *record.script.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=variables,
                cwd=folder,
                start_new_session=True,
            )
        except BaseException:
            self._log.close()
            raise
        assert self.process.stdout is not None
        self.output: int = self.process.stdout.fileno()

    def read_output(self) -> bool:
        """Read once what the program printed and write it to the log; return False if its output is closed."""
        data = os.read(self.output, READ_BYTES)
        if len(data) > self._bytes_left:
            self.has_printed_too_much = True
        kept = data[: self._bytes_left]
        self._bytes_left -= len(kept)
        if kept:
            self._log.write(kept)
        return bool(data)

    def end_group(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the program and to all that it started in its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Kill what is left of the program and close its output."""
        self.end_group()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
