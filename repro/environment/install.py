"""Makes an environment from its hash lock."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from repro.base.decoding import decode_json
from repro.base.errors import ReproError, UnusableError
from repro.base.files import write_durably
from repro.environment import interpreter, uv_command
from repro.environment.definition import BUILD_LOCK, MARKER, Environment
from repro.environment.uv_command import UvError

_INSTALL = ["pip", "install", "--quiet", "--require-hashes", "--no-deps"]


def install(
    environment: Environment, *, python: Path | None = None, say: Callable[[str], None], again: bool = False
) -> bool:
    """Install `environment`; True when something was done, False when it was there with this lock.

    A virtual environment is filled and only then marked, so that a broken-off installation counts as none.
    """
    prefix = environment.prefix
    if not again and environment.is_installed() and installed_lock(environment) == environment.lock_sha256():
        return False
    base = interpreter.find(environment, python)
    try:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        guard = (prefix.parent / f".{prefix.name}.lock").open("ab")
    except OSError as error:
        raise UnusableError(
            f"cannot be written ({error.strerror})", do="set REPRO_ENVIRONMENTS to another folder", file=prefix.parent
        ) from None
    with guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not again and environment.is_installed() and installed_lock(environment) == environment.lock_sha256():
            return False
        if prefix.exists():
            (prefix / MARKER).unlink(missing_ok=True)
            shutil.rmtree(prefix)
        say(f"making {environment.definition.installation} with {base}")
        _fill(environment, base, say)
        marker = {
            "format": 1,
            "environment": environment.definition.installation,
            "lock_sha256": environment.lock_sha256(),
        }
        write_durably(prefix / MARKER, msgspec.json.encode(marker) + b"\n")
    return True


def installed_lock(environment: Environment) -> str | None:
    """Hash of the lock that was installed from, None where nothing is installed."""
    try:
        marker = decode_json((environment.prefix / MARKER).read_bytes(), dict[str, str | int])
    except (OSError, msgspec.DecodeError):
        return None
    found = marker.get("lock_sha256")
    return found if isinstance(found, str) else None


def _fill(environment: Environment, base: Path, say: Callable[[str], None]) -> None:
    """Make the virtual environment and install what its locks pin; what is broken off is removed."""
    prefix = environment.prefix
    try:
        uv_command.run(["venv", "--quiet", "--no-project", "--python", base, prefix], folder=prefix.parent)
        say(f"installing {len(environment.locked_versions())} locked packages")
        for lock in filter(None, (environment.bootstrap, environment.lock)):
            tools = ["--no-build-isolation"] if environment.bootstrap is not None else _build_tools(environment)
            words = [*_INSTALL, *tools, "--python", environment.python, "-r", lock.absolute()]
            uv_command.run(words, folder=prefix.parent)
        if not environment.is_made:  # that is asked what it can do, which compiles what it imports
            _compile(environment)
    except ReproError as error:
        shutil.rmtree(prefix, ignore_errors=True)
        if not isinstance(error, UvError):
            raise
        raise UnusableError(
            f"the environment {environment.name} could not be installed ({error.what})",
            do="mend that and install again",
        ) from None
    except BaseException:
        shutil.rmtree(prefix, ignore_errors=True)
        raise


def _compile(environment: Environment) -> None:
    """Compile all modules, as pip does; some of an old package are not of this Python and stay as they are."""
    command: list[str | Path] = [
        environment.python,
        "-I",
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        environment.prefix / "lib",
    ]
    variables = environment.interpreter_variables()
    subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _build_tools(environment: Environment) -> list[str | Path]:
    """Return the options that pin, by hash, what builds packages without a wheel."""
    lock = environment.lock.parent / BUILD_LOCK
    return ["--build-constraints", lock.absolute(), "--require-build-hashes"] if lock.is_file() else []
