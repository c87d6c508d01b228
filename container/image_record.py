"""Writes /opt/repro/image.json: `python image_record.py ENVIRONMENTS-FOLDER PYPROJECT NAME... >image.json`.

The values come from the build arguments that the labels are made of, so the two cannot differ. Those that repeat
what a file says (version, locks) are compared with it: labels cannot be computed inside a build.
"""

import hashlib
import json
import os
import sys
import tomllib
from pathlib import Path


def main(folder: Path, pyproject: Path, names: list[str]) -> int:
    """Print the record; 1 and one line for each argument that is out of date."""
    wrong = []
    version = tomllib.loads(pyproject.read_text())["project"]["version"]
    if version != os.environ["VERSION"]:
        wrong.append(f"VERSION is {os.environ['VERSION']}, pyproject.toml says {version}")
    locks = {}
    for name in names:
        argument = "LOCK_" + name.upper().replace("-", "_").replace(".", "_")
        locks[name] = os.environ[argument]
        found = hashlib.sha256((folder / name / "requirements.lock").read_bytes()).hexdigest()
        if found != locks[name]:
            wrong.append(f"{argument} is {locks[name]}, the lock's SHA-256 is {found}")
    if wrong:
        print("\n".join(wrong), "run: python container/update_arguments.py", sep="\n", file=sys.stderr)
        return 1
    labels = {
        "org.opencontainers.image.title": os.environ["TITLE"],
        "org.opencontainers.image.source": os.environ["SOURCE"],
        "org.opencontainers.image.revision": os.environ["REVISION"],
        "org.opencontainers.image.version": os.environ["VERSION"],
        "org.opencontainers.image.licenses": os.environ["LICENSES"],
        "org.opencontainers.image.base.name": os.environ["PYTHON_IMAGE"],
        "repro.base.keras-2.0.9": os.environ["LEGACY_IMAGE"],
        **{f"repro.lock.{name}": digest for name, digest in locks.items()},
    }
    print(json.dumps({"format": 1, "labels": labels, "locks": locks}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
