"""Compares what is installed with the lock."""

from __future__ import annotations

import json
import subprocess

from repro.base.errors import UnusableError
from repro.environment.definition import Environment, normalized
from repro.environment.install import installed_lock

_LIST = """
import json, sys
try:
    from importlib.metadata import distributions
    found = {d.metadata["Name"]: d.version for d in distributions()}
except ImportError:
    import pkg_resources
    found = {d.project_name: d.version for d in pkg_resources.WorkingSet(sys.path)}
print(json.dumps({"packages": found, "python": "%d.%d.%d" % sys.version_info[:3]}))
"""
# What `venv` puts in by itself, where no lock speaks of it.
_FROM_VENV = {"pip", "setuptools", "wheel"}


def installed(environment: Environment) -> tuple[str, dict[str, str]]:
    """(version of the interpreter, package name to version) of an installed environment."""
    require_installed(environment)
    try:
        done = subprocess.run(
            [environment.python, "-I", "-c", _LIST],  # else a json.py in the user's folder would be imported
            env=environment.interpreter_variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        answer = json.loads(done.stdout)
        packages = {normalized(name): str(version) for name, version in answer["packages"].items() if name}
        return str(answer["python"]), packages
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError, AttributeError):
        raise UnusableError(
            f"the interpreter of {environment.name} does not run",
            do=f"install it again: repro environment install {environment.name} --again",
            file=environment.python,
        ) from None


def drift(environment: Environment, packages: dict[str, str] | None = None) -> list[str]:
    """How the installation differs from the lock, one line a package; empty when it does not."""
    if packages is None:
        packages = installed(environment)[1]
    locked = environment.locked_versions()
    lines = []
    for name in sorted(locked.keys() | packages.keys()):
        wanted, found = locked.get(name), packages.get(name)
        if wanted is None and name in _FROM_VENV:
            continue
        if wanted != found:
            lines.append(f"{name}: locked {wanted or 'not at all'}, installed {found or 'not at all'}")
    if installed_lock(environment) != environment.lock_sha256():
        lines.append("the installation was made from another lock file")
    return lines


def require_installed(environment: Environment) -> None:
    """UnusableError, saying how to install it, where it is not."""
    if not environment.is_installed():
        raise UnusableError(
            f"the environment {environment.name} is not installed",
            do=f"repro environment install {environment.definition.installation}",
        )
