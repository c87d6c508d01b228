"""Makes an environment from its hash lock."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from repro.base.decoding import decode_json
from repro.base.errors import UnusableError
from repro.base.files import write_durably
from repro.environment import interpreter
from repro.environment.definition import MARKER, Environment


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
        # -I: nothing that lies in the user's folder is imported in the place of a module.
        _command([str(base), "-I", "-m", "venv", str(prefix)], environment)
        pip = [str(environment.python), "-I", "-m", "pip", "install", "--require-hashes", "--no-deps", "--quiet"]
        if environment.bootstrap is not None:
            _command([*pip, "-r", str(environment.bootstrap)], environment)
        say(f"installing {len(environment.locked_versions())} locked packages")
        isolation = ["--no-build-isolation"] if environment.bootstrap is not None else []
        _command([*pip, "--disable-pip-version-check", *isolation, "-r", str(environment.lock)], environment)
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


def _command(command: list[str], environment: Environment) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        env={**variables, **environment.interpreter_variables()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["no reason given"]
        raise UnusableError(
            f"the environment {environment.name} could not be installed ({errors[-1].strip()[:300]})",
            do="mend that and install again",
        )
