"""Files that must agree with the code: schema, images, locks, documents."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from repro.environment import definition, requirements
from repro.runs import events
from repro.runs.records import Result, RunRecord
from repro.scenario.schema import json_schema
from repro.scenario.types import Operator, Value
from tests.support.paths import ROOT

MOST_LINES = 400
LOCKS = sorted([*ROOT.glob("requirements*.lock"), *ROOT.glob("environments/*/*.lock")])


def test_schema_file_is_what_the_command_prints() -> None:
    on_disk = msgspec.json.decode((ROOT / "scenarios/schema.json").read_bytes())
    assert on_disk == json_schema(), "run: repro schema > scenarios/schema.json"


def test_images_are_what_the_script_draws() -> None:
    command = [sys.executable, ROOT / "scripts/make_images.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_lock_pins_by_hash_and_names_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert requirements
    for requirement in requirements:
        assert re.match(r"^[A-Za-z0-9._-]+(\[[^]]*\])?==", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement
    assert "://" not in text
    assert "--index" not in text


def test_formats_page_names_every_event_value_and_operator() -> None:
    page = "".join((ROOT / "docs" / name).read_text("utf-8") for name in ("formats.md", "recording-format.md"))
    tags = [kind.__struct_config__.tag for kind in get_args(events.AnyEvent)]
    missing = [name for name in (*tags, *get_args(Value), *get_args(Operator)) if f"`{name}`" not in page]
    assert not missing


def test_formats_page_names_every_key_of_a_scenario_an_environment_and_a_run() -> None:
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    schema = json_schema()
    names = {name for part in (schema, *schema["$defs"].values()) for name in part.get("properties", {})}
    for kind in (definition.Definition, RunRecord, Result):
        names |= {field.name for field in msgspec.structs.fields(kind)}
    assert len(names) > 60
    assert not {name for name in names if not re.search(rf"\b{re.escape(name)}\b", page)}


def test_architecture_page_names_every_module_and_package() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    parts = [path for path in (ROOT / "repro").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    helpers = {"__init__.py", "__main__.py", "errors.py", "files.py", "shipped.py"}
    missing = [path.name for path in parts if path.name not in helpers and f"`repro/{path.name}" not in page]
    assert not missing
    environment = [path.stem for path in (ROOT / "repro/environment").glob("[a-z]*.py")]
    assert not [name for name in environment if f"`{name}`" not in page]


def test_readme_names_every_shipped_scenario() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for file in (ROOT / "scenarios").glob("*.yaml"):
        assert f"`{file.stem}`" in readme


def test_every_environment_has_a_lock_and_pins_keras() -> None:
    for environment in definition.shipped_environments().values():
        assert "keras" in environment.locked_versions()
        assert re.fullmatch(r"[0-9a-f]{64}", environment.lock_sha256())


def test_environments_with_the_same_keras_list_the_same_applications() -> None:
    """keras-3-gpu cannot be asked where there is no GPU build: its list is that of keras-3."""
    lists: dict[tuple[str | None, ...], dict[str, int] | None] = {}
    twins = 0
    for environment in definition.shipped_environments().values():
        pins = environment.locked_versions()
        key = (environment.definition.adapter, pins["keras"], pins.get("tf-keras"))
        smallest_sides = requirements.applications_of(environment)
        assert smallest_sides, f"run: python scripts/list_applications.py {environment.name}"
        twins += key in lists
        assert lists.setdefault(key, smallest_sides) == smallest_sides, environment.name
    assert twins


def test_tables_and_plot_of_the_documents_are_those_of_the_evidence() -> None:
    command = [sys.executable, "-m", "scripts.evidence", "tables", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_cluster_lock_holds_all_that_the_program_needs() -> None:
    """The image installs it instead of requirements.lock."""
    pins = [
        set(re.findall(r"^\S+==[^\\\n]+", (ROOT / name).read_text(), re.M))
        for name in ("requirements.lock", "requirements-cluster.lock")
    ]
    assert pins[0] < pins[1]


def test_measuring_with_other_statistics_leaves_training_alone() -> None:
    rows = msgspec.json.decode((ROOT / "docs/evidence/remedies.json").read_bytes())["runs"]
    weights = {one["scenario"]: one["measurements"]["weights_sha256"] for one in rows}
    assert weights["debias"] == weights["precise-bn"] == weights["original-bug"] != weights["synchronized"]


def sources(*folders: str) -> list[Path]:
    """Python files below these folders of the repository."""
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def imported_names(file: Path) -> Iterator[str]:
    """Every module, or name in one, that a file imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_no_test_file_is_imported() -> None:
    """What several tests need is in tests/support or in a conftest.py, so that each test file stands alone."""
    test_files = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in sources("tests")}
    test_files = {name for name in test_files if name.rpartition(".")[2].startswith("test_")}
    assert len(test_files) > 100
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in sources("tests", "scripts", "benchmarks")
        for name in imported_names(file)
        if name in test_files or name.rpartition(".")[0] in test_files
    ]
    assert found == []


def test_no_file_has_more_than_400_lines() -> None:
    lines = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources("repro", "tui", "tests")
    }
    assert len(lines) > 300
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
