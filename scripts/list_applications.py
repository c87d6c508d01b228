"""Ask every installed environment which Keras applications it has, and write environments/NAME/applications.json.

    python scripts/list_applications.py [NAME...]

An environment that is not installed gets the list of one that has the same Keras, where there is one: the applications
are Keras's own code, whatever TensorFlow is built for.

The smallest image side is the one that the application itself names when it refuses an image of one pixel; 1 where it
takes that. An application that fails in another way is tried with larger images.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from repro.environment import definition
from repro.supervise.worker_process import worker_variables

# Runs under Python 3.6 too.
ASK = r"""
import inspect, json, re, sys
import tensorflow as tf
if sys.argv[1] == "tf-keras":
    from tensorflow.keras import applications, backend
else:
    from keras import applications, backend

def smallest(make):
    for side in [1, 16, 32, 64, 75, 96, 128, 160, 192, 224, 331]:
        backend.clear_session()
        try:
            make(input_shape=(side, side, 3), weights=None, classes=2)
            return side
        except Exception as error:
            named = re.search(r"[Ii]nput size must be at least (\d+)", str(error))
            if named:
                return int(named.group(1))
    return None

found = {}
for name in sorted(dir(applications)):
    make = getattr(applications, name)
    if name[0].isupper() and callable(make) and not inspect.isclass(make):
        side = smallest(make)
        if side is not None:
            found[name] = side
print("\n" + json.dumps(found))
"""


def ask(environment: definition.Environment) -> dict[str, int]:
    """Name and smallest image side of every application that the environment has."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [str(environment.python), "-s", "-c", ASK, environment.definition.adapter],
            env=worker_variables(environment, Path(home), 1),
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def same_keras(environment: definition.Environment) -> definition.Environment | None:
    """An installed environment whose adapter, Keras and TensorFlow have the same versions; None where there is none."""

    def key(one: definition.Environment) -> tuple[str | None, ...]:
        pins = one.locked_versions()
        tensorflow = pins.get("tensorflow") or pins.get("tensorflow-cpu")
        return one.definition.adapter, pins["keras"], pins.get("tf-keras"), tensorflow

    others = definition.shipped_environments().values()
    return next((one for one in others if one.is_installed() and key(one) == key(environment)), None)


def main(names: list[str]) -> None:
    """Write the file of each named environment, else of every one that is installed or has an installed twin."""
    for name, environment in definition.shipped_environments().items():
        source = environment if environment.is_installed() else same_keras(environment)
        if source is not None and (not names or name in names):
            data = {"format": 1, "smallest_side": ask(source)}
            target = environment.folder / "applications.json"
            target.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
            print(f"{name}: {len(data['smallest_side'])} applications, as {source.name} says")


if __name__ == "__main__":
    main(sys.argv[1:])
