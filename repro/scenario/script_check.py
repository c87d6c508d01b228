"""What the types alone cannot say of a script scenario."""

from __future__ import annotations

from pathlib import PurePosixPath

from repro.base import yaml_file
from repro.base.errors import InputError
from repro.scenario.printed import compiled
from repro.scenario.script_types import ScriptScenario

# Keys of the scenarios that train images.
_OF_IMAGES = ("images", "model", "batch_norm", "compile", "fit", "measure", "measure_at")


def require_keys(document: yaml_file.Document) -> None:
    """Refuse keys that say what the program itself decides: InputError."""
    for key in _OF_IMAGES:
        if key in document.lines_of(()):
            what = f"{key}: a script scenario has none, since its program trains"
            document.fail(what, (key,), do="leave it out, or set format: 1")


def check(document: yaml_file.Document, scenario: ScriptScenario) -> None:
    """Refuse paths that lead out of the scenario's folder, bad patterns and claims on nothing: InputError."""
    _require_inside(document, scenario.script.file, ("script", "file"))
    for index, name in enumerate(scenario.script.files):
        _require_inside(document, name, ("script", "files", index))
    for index, argument in enumerate(scenario.script.arguments):
        if "\0" in argument:
            document.fail(f"script.arguments[{index}]: holds a NUL", ("script", "arguments", index), do="leave it out")
    for name, pattern in scenario.printed.items():
        try:
            compiled(pattern)
        except InputError as error:
            document.fail(f"printed.{name}: {error.what}", ("printed", name), do=error.do)
    for index, claim in enumerate(scenario.claims):
        for key, value in (("value", claim.value), ("to", claim.to)):
            group, _, name = str(value).partition(".")
            if group == "printed" and name not in scenario.printed:
                what = f"claims[{index}].{key}: {value} has no pattern"
                document.fail(what, ("claims", index, key), do=f"add {name} to printed")


def leads_out(name: str) -> bool:
    """Return whether a path may lead out of its folder."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name


def _require_inside(document: yaml_file.Document, name: str, at: yaml_file.KeyPath) -> None:
    if leads_out(name) or not PurePosixPath(name).parts:
        what = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")
        document.fail(f"{what}: must stay inside the scenario's folder", at, do="use a relative path without '..'")
