"""What is imported when, and in which direction."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

HEAVY = ("tensorflow", "keras", "textual", "numpy", "PIL", "rich")


def loaded_after(code: str) -> set[str]:
    """Top-level modules in a fresh process after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n' + ' '.join(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["runs", "--help"],
        ["sweep", "--help"],
        ["show", "--help"],
        ["list", "--help"],
        ["environment", "--help"],
        ["nothing"],
    ],
)
def test_help_is_light(arguments: list[str]) -> None:
    found = loaded_after(f"from repro.cli import run_command_line; run_command_line({arguments!r})")
    assert not found & set(HEAVY)
    if arguments == ["--help"]:
        assert not found & {"yaml", "msgspec", "asyncio", "concurrent"}


def test_listing_runs_needs_no_numbers(tmp_path: Path) -> None:
    found = loaded_after(
        f"from repro.cli import run_command_line; run_command_line(['--store', {str(tmp_path)!r}, 'runs'])"
    )
    assert not found & {"tensorflow", "keras", "textual", "numpy", "PIL"}


def imports(file: Path) -> Iterator[str]:
    """Modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield node.module or ""


def files(folder: str, without: str = "") -> list[Path]:
    found = [
        file for file in sorted((ROOT / folder).rglob("*.py")) if not without or ROOT / without not in file.parents
    ]
    assert found
    return found


def test_the_engine_imports_nothing_of_the_screens_or_tensorflow() -> None:
    for file in files("repro", without="repro/worker"):
        tops = {name.partition(".")[0] for name in imports(file)}
        allowed = {"tui"} if file in (ROOT / "repro/cli/__init__.py", ROOT / "repro/__main__.py") else set()
        assert not (tops & {"tui", "textual", "tensorflow", "keras", "repro_worker"}) - allowed, file
        assert not any(name.startswith("repro.worker") for name in imports(file)), file


def test_the_worker_imports_nothing_of_the_engine() -> None:
    allowed = {*sys.stdlib_module_names, "numpy", "PIL", "tensorflow", "keras", "tf_keras", "repro_worker"}
    for file in files("repro/worker"):
        tops = {name.partition(".")[0] for name in imports(file)}
        assert tops <= allowed, (file, tops - allowed)


def test_the_screens_import_no_tensorflow() -> None:
    for file in files("tui"):
        assert not {name.partition(".")[0] for name in imports(file)} & {"tensorflow", "keras", "repro_worker"}, file
