"""Stand-ins for installed environments: the marker, and an interpreter that answers what it was told."""

from __future__ import annotations

import json
from pathlib import Path

from repro.environment import definition

ANSWERING_PYTHON = """\
#!/bin/sh
echo '{answer}'
"""


def install_stand_in(environments: Path, name: str = "keras-3", **changed: str | None) -> Path:
    """Write an installation whose interpreter lists the locked versions, except for `changed` (None: not installed).

    Return the path of that interpreter.
    """
    packages = {**definition.get(name).locked_versions(), **changed}
    answer = {"python": "3.12.1", "packages": {key: value for key, value in packages.items() if value is not None}}
    return write_installation(environments, name, ANSWERING_PYTHON.format(answer=json.dumps(answer)))


def write_installation(environments: Path, name: str, interpreter: str, lock: str | None = None) -> Path:
    """Write an installation of the environment `name` with this text as its interpreter; return its path."""
    python = environments / name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(interpreter)
    python.chmod(0o755)
    marker = {"format": 1, "environment": name, "lock_sha256": lock or definition.get(name).lock_sha256()}
    (environments / name / definition.MARKER).write_text(json.dumps(marker))
    return python


def link_interpreter(environments: Path, interpreter: Path) -> Path:
    """Write an installation of keras-3 whose interpreter is another one of this machine; return the link to it."""
    python = environments / "keras-3" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(interpreter)
    (environments / "keras-3" / definition.MARKER).write_text("{}")
    return python
