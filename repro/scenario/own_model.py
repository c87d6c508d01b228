"""The user's own model file: found beside the scenario, never run here."""

from __future__ import annotations

import hashlib
from pathlib import Path

from repro.base.errors import InputError
from repro.scenario.load import Loaded
from repro.scenario.script_types import AnyScenario, ScriptScenario

MAX_BYTES = 1024 * 1024
UNTRUSTED = "give --trust if you trust that code: it runs with your rights"


def require_trust(scenario: AnyScenario, *, trusted: bool, file: Path | str) -> None:
    """InputError where a scenario brings code of its own and the user did not say --trust."""
    code = scenario.script.file if isinstance(scenario, ScriptScenario) else scenario.model.python
    if code is not None and not trusted:
        raise InputError(f"would run Python code of its own ({code})", do=UNTRUSTED, file=file)


def read(loaded: Loaded) -> bytes | None:
    """The model's source, None where the scenario uses an application of Keras or runs a program."""
    if isinstance(loaded.scenario, ScriptScenario):
        return None
    name = loaded.scenario.model.python
    if name is None:
        return None
    folder = loaded.file.parent
    file = folder / name
    try:
        if not file.resolve().is_relative_to(folder.resolve()):
            raise InputError("leads out of the scenario's folder", do="put the file itself there", file=file)
        if not file.is_file():
            raise InputError(
                "is no file" if file.exists() else "there is no such file", do="mend model.python", file=file
            )
        with file.open("rb") as stream:
            source = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=file) from None
    if len(source) > MAX_BYTES:
        raise InputError("larger than 1 MiB", do="a model's definition is short; weights are not needed", file=file)
    return source


def require_same(source: bytes, sha256: str | None, file: Path | str) -> bytes:
    """`source` again; InputError where it is not the code that was run."""
    if hashlib.sha256(source).hexdigest() != sha256:
        raise InputError("is not the code that was run", do="start a run of your own", file=file)
    return source
