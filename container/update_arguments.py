"""Brings the Dockerfile's VERSION and LOCK_* arguments up to date: `python container/update_arguments.py [--check]`.

With `--check` nothing is written, and the exit code is 1 when something would be.
"""

import hashlib
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def updated(dockerfile: str) -> str:
    """The text with the values that pyproject.toml and the locks give."""
    values = {"VERSION": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]}
    for lock in (ROOT / "environments").glob("*/requirements.lock"):
        name = lock.parent.name.upper().replace("-", "_").replace(".", "_")
        values[f"LOCK_{name}"] = hashlib.sha256(lock.read_bytes()).hexdigest()
    return re.sub(
        r"^ARG (VERSION|LOCK_\w+)=.*$", lambda found: f"ARG {found[1]}={values[found[1]]}", dockerfile, flags=re.M
    )


def main() -> int:
    """Write, or check, the Dockerfile."""
    file = ROOT / "Dockerfile"
    before = file.read_text()
    after = updated(before)
    if "--check" in sys.argv:
        return int(before != after)
    file.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
