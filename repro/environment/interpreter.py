"""Looks for the Python that an environment is made with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from repro.base.errors import UnusableError
from repro.environment.definition import Environment


def candidates(version: str) -> list[Path]:
    """Interpreters of a minor version, the preferred first: pyenv's, then PATH's."""
    return list(iterate(version))


def iterate(version: str) -> Iterator[Path]:
    """Yield the interpreters of `candidates` one at a time: each is started to see what it is."""
    found: list[Path] = []
    roots = [Path(os.environ[name]) for name in ("PYENV_ROOT",) if os.environ.get(name)]
    home = os.environ.get("HOME")
    if home:
        roots.append(Path(home) / ".pyenv")
    for root in dict.fromkeys(roots):
        versions = [folder for folder in (root / "versions").glob(f"{version}.*") if (folder / "bin/python").exists()]
        versions.sort(key=lambda folder: [int(part) for part in re.findall(r"\d+", folder.name)], reverse=True)
        found += [folder / "bin" / f"python{version}" for folder in versions]
    on_path = shutil.which(f"python{version}")
    if on_path:
        found.append(Path(on_path))
    yield from (python for python in dict.fromkeys(found) if _is_version(python, version))


def find(environment: Environment, asked: Path | None = None) -> Path:
    """The interpreter to install `environment` with; UnusableError says how to get one."""
    version = environment.definition.python
    if asked is not None:
        if not _is_version(asked, version):
            raise UnusableError(f"{asked} is not Python {version}", do=f"name a Python {version} with --python")
        return asked
    found = next(iterate(version), None)
    if found is not None:
        return found
    uv = shutil.which("uv")
    if uv is not None:
        asked_uv = subprocess.run([uv, "python", "find", version], capture_output=True, text=True, check=False)
        if asked_uv.returncode != 0:
            subprocess.run([uv, "python", "install", version], capture_output=True, text=True, check=False)
            asked_uv = subprocess.run([uv, "python", "find", version], capture_output=True, text=True, check=False)
        python = Path(asked_uv.stdout.strip() or "/nonexistent")
        if asked_uv.returncode == 0 and _is_version(python, version):
            return python
    raise UnusableError(
        f"the environment {environment.name} needs Python {version}, and none was found",
        do=f"install it (pyenv install {version}), name it with --python, or use the container",
    )


def _is_version(python: Path, version: str) -> bool:
    try:
        done = subprocess.run(
            [python, "-I", "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version
