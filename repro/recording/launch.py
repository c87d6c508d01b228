"""Runs somebody's own command with the recorder in its Python processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from repro.base import scratch
from repro.base.errors import InputError
from repro.base.text import to_utf8
from repro.environment import check
from repro.environment.definition import Environment
from repro.recorder import single_file
from repro.recording.closing import ProcessEnd
from repro.runs.recorder_mark import Mark, read_mark

# These are passed on to the program; it decides what they mean.
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# siginfo's code of a signal that the terminal sent, which the whole foreground group has then.
FROM_KERNEL = 0x80
MAX_SCRIPT_BYTES = 1024 * 1024
GIT_SECONDS = 5.0
MAX_WORD = 1000
MAX_VARIABLE_BYTES = 64 * 1024  # half of what one string of an environment may have


@dataclass(frozen=True)
class Confined:
    """How somebody else's program runs: in `folder`, with these variables alone, all output in the file `log`.

    It is killed after `seconds`.
    """

    folder: Path
    variables: Mapping[str, str]
    log: Path
    seconds: float


@dataclass(frozen=True)
class Options:
    """How a command is recorded. `store` None: not at all. `confined` None: as it was typed."""

    store: Path | None
    name: str | None = None
    environment: Environment | None = None
    with_data: bool = False
    stdout_to_stderr: bool = False
    confined: Confined | None = None


@dataclass(frozen=True)
class Ended:
    """What became of the command. `scripts`: contents of the files it was started with, by hash."""

    end: ProcessEnd
    mark: Mark
    scripts: Mapping[str, bytes]


def run(command: Sequence[str], options: Options) -> Ended:
    """Run a command as it was typed and wait for its end.

    InputError if it cannot be started, UnusableError if the environment is not installed.
    """
    with scratch.folder("record") as folder:
        variables = _variables(command, options, folder)
        scripts = _scripts(command)
        if options.confined is None:
            end = _run(command, variables, stdout=2 if options.stdout_to_stderr else None)
        else:
            with options.confined.log.open("wb") as log:
                end = _run(command, variables, stdout=log, confined=options.confined)
        return Ended(end, read_mark(folder / "mark"), scripts)


def _variables(command: Sequence[str], options: Options, folder: Path) -> dict[str, str]:
    variables = dict(os.environ if options.confined is None else options.confined.variables)
    if options.environment is not None:
        _enter(options.environment, variables)
    if options.store is None:
        return variables
    hook = folder / "hook"
    single_file.write_hook_folder(hook)
    path = variables.get("PYTHONPATH")
    variables["PYTHONPATH"] = f"{hook}{os.pathsep}{path}" if path else str(hook)
    variables["REPRO_RECORD_STORE"] = str(options.store.absolute())
    variables["REPRO_RECORD_MARK"] = str(folder / "mark")
    variables["REPRO_RECORD_COMMAND"] = _in_one_variable(command)
    for name in ("REPRO_RECORD_NAME", "REPRO_RECORD_WITH_DATA", "REPRO_RECORD_OFF"):
        variables.pop(name, None)
    if options.name is not None:
        variables["REPRO_RECORD_NAME"] = options.name
    if options.with_data:
        variables["REPRO_RECORD_WITH_DATA"] = "1"
    commit = _commit(command) if options.confined is None else None
    if commit is not None:
        variables["REPRO_RECORD_GIT"] = commit
    return variables


def _enter(environment: Environment, variables: dict[str, str]) -> None:
    """Put an environment's python first on PATH, with its variables."""
    check.require_installed(environment)
    variables.update(environment.interpreter_variables())
    variables.update(environment.definition.variables)
    variables["PATH"] = os.pathsep.join([str(environment.python.parent), variables.get("PATH", os.defpath)])
    variables["VIRTUAL_ENV"] = str(environment.prefix)
    variables.pop("PYTHONHOME", None)


def _commit(command: Sequence[str]) -> str | None:
    """Return "COMMIT clean" or "COMMIT dirty" of the checkout that the program is in; None outside of one."""
    # os.path: a Path raises where a word is too long for a file's name.
    file = next((Path(word) for word in command[1:] if os.path.isfile(word)), None)  # noqa: PTH113
    folder = Path.cwd() if file is None else file.absolute().parent
    if shutil.which("git") is None:
        return None
    said = []
    for question in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            done = subprocess.run(
                ["git", "--no-optional-locks", "-C", folder, *question],
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=GIT_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        said.append(done.stdout.strip())
    return f"{said[0]} {'dirty' if said[1] else 'clean'}"


def _in_one_variable(command: Sequence[str]) -> str:
    """Return a command line as JSON; its end is left out where Linux would not take it as one variable."""
    words: list[str] = []
    size = 0
    for word in command:
        shown = to_utf8(word)[:MAX_WORD]
        size += len(json.dumps(shown)) + 2
        if size > MAX_VARIABLE_BYTES:
            words.append("...")
            break
        words.append(shown)
    return json.dumps(words)


def _scripts(command: Sequence[str]) -> dict[str, bytes]:
    """Return the text files among a command's words, by their hash: one of them may be the program that trains."""
    scripts = {}
    for word in command:
        with contextlib.suppress(OSError, ValueError):
            file = Path(word)
            if file.is_file() and file.stat().st_size <= MAX_SCRIPT_BYTES:
                data = file.read_bytes()
                if b"\0" not in data:
                    scripts[hashlib.sha256(data).hexdigest()] = data
    return scripts


def _run(
    command: Sequence[str],
    variables: dict[str, str],
    *,
    stdout: int | IO[bytes] | None,
    confined: Confined | None = None,
) -> ProcessEnd:
    with _held_signals() as previous_mask:
        try:
            process = subprocess.Popen(
                command,
                executable=_executable(command[0], variables),
                env=variables,
                cwd=None if confined is None else confined.folder,
                stdin=None if confined is None else subprocess.DEVNULL,
                stdout=stdout,
                stderr=None if confined is None else subprocess.STDOUT,
                # This process has one thread.
                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask),  # noqa: PLW1509
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise InputError(f"{command[0]} cannot be started ({reason})", do="check the command") from None
        last = math.inf if confined is None else time.monotonic() + confined.seconds
        while process.poll() is None:
            if time.monotonic() > last:
                process.kill()
            information = signal.sigtimedwait({*PASSED_ON, signal.SIGCHLD}, 1.0)
            if information is None or information.si_signo == signal.SIGCHLD:
                continue
            if information.si_code != FROM_KERNEL:
                process.send_signal(information.si_signo)
        return ProcessEnd(process.returncode)


def _executable(name: str, variables: Mapping[str, str]) -> str:
    """Find a command on the program's own PATH, which may not be ours."""
    return shutil.which(name, path=variables.get("PATH")) or name


@contextlib.contextmanager
def _held_signals() -> Iterator[set[signal.Signals]]:
    """Hold signals back until they are asked for; yields the mask from before, for the program."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    try:
        yield {signal.Signals(number) for number in previous}
    finally:
        for number in PASSED_ON:
            while signal.sigtimedwait({number}, 0) is not None:
                pass
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
