"""Builds what the recorder travels as: one file, or a folder for PYTHONPATH. It belongs to the engine."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# Modules of the worker that the recorder needs, too; neither imports anything of either.
SHARED = [FOLDER.parent / "worker" / name for name in ("batch_norm.py", "process_facts.py")]
NAME = "repro_recorder"
NOT_EMBEDDED = {"__init__", "single_file", "site_hook"}

LOADER = '''

import importlib.abc
import importlib.util
import sys

SOURCE_SHA256 = {sha256!r}
__path__ = []


class _Loader(importlib.abc.InspectLoader):
    """Finds and loads the modules whose sources stand in this file."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith({package!r} + ".") and name.split(".", 1)[1] in SOURCES:
            return importlib.util.spec_from_loader(name, self)
        return None

    def get_source(self, name):
        return SOURCES[name.split(".", 1)[1]]

    def is_package(self, name):
        return False

    def exec_module(self, module):
        code = compile(self.get_source(module.__name__), {package!r} + "/" + module.__name__.split(".", 1)[1], "exec")
        exec(code, module.__dict__)


if __name__ != {package!r}:
    sys.modules[{package!r}] = sys.modules[__name__]
sys.meta_path.append(_Loader())

SOURCES = {{
{sources}}}
'''
# Both forms wait for Keras as soon as they are imported: in `model.fit(callbacks=[Recorder()])` Python looks `fit` up
# before it calls `Recorder()`.
PREPARE = """
from repro_recorder import start as _start

_start.prepare()
"""


def modules() -> dict[str, str]:
    """Return the sources of the recorder's modules by name, `__init__` not among them."""
    files = [file for file in sorted(FOLDER.glob("*.py")) if file.stem not in NOT_EMBEDDED]
    return {file.stem: file.read_text(encoding="utf-8") for file in [*files, *SHARED]}


def sha256() -> str:
    """Return the hash over names and sources of all that travels."""
    digest = hashlib.sha256()
    for name, text in sorted({**modules(), "__init__": init()}.items()):
        digest.update(name.encode() + b"\0" + text.encode() + b"\0")
    return digest.hexdigest()


def init() -> str:
    """Return the source of the package itself."""
    return (FOLDER / "__init__.py").read_text(encoding="utf-8")


def source() -> str:
    """Return the text of `repro_recorder.py`."""
    entries = "".join(f"    {name!r}: {text!r},\n" for name, text in sorted(modules().items()))
    return init() + LOADER.format(sha256=sha256(), package=NAME, sources=entries) + PREPARE


def write_hook_folder(folder: Path) -> None:
    """Make a folder for PYTHONPATH: the package `repro_recorder` and a `sitecustomize` that starts it."""
    package = folder / NAME
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(init() + f"\n\nSOURCE_SHA256 = {sha256()!r}\n" + PREPARE, encoding="utf-8")
    for name, text in modules().items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    hook = (FOLDER / "site_hook.py").read_text(encoding="utf-8")
    (folder / "sitecustomize.py").write_text(hook, encoding="utf-8")
