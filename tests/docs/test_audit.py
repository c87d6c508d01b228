"""The audit of the locks, against small advisories made here; no database is needed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from scripts import audit

HASH = "--hash=sha256:" + "0" * 64
LOCK = f"""\
# a comment
Alpha_Beta==1.0 \\
    {HASH} \\
    {HASH}
gamma[extra]==2.10 ; python_full_version < '3.12' \\
    {HASH}
gamma==2.11 ; python_full_version >= '3.12' \\
    {HASH}
"""
Add = Callable[..., None]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An empty clone."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "advisory-database"
    (folder / "vulns").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


@pytest.fixture
def add(database: Path) -> Add:
    """Writes an advisory."""

    def write(package: str, name: str, events: str = "[]", more: str = "", extra: str = "") -> None:
        file = database / "vulns" / package / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f"id: {name}\ndetails: made\n{more}\naffected:\n- package: {{name: {package}, ecosystem: PyPI}}\n"
            f"  ranges:\n  - {{type: GIT, repo: x, events: [introduced: '0']}}\n"
            f"  - {{type: ECOSYSTEM, events: {events}}}\n{extra}\n"
        )

    return write


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a lock of the engine and an old environment."""
    folder = tmp_path / "repository"
    old = folder / "environments/old"
    old.mkdir(parents=True)
    (folder / "requirements.lock").write_text(LOCK)
    for name in ("bootstrap.lock", "requirements.lock"):
        (old / name).write_text(f"delta==3.0 \\\n    {HASH}\n")
    monkeypatch.setattr(audit, "ROOT", folder)
    monkeypatch.setattr(audit, "EVIDENCE", folder / "docs/evidence/audit.json")
    return folder


def commit(database: Path) -> None:
    git = ["git", "-C", str(database), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "made"], check=True)


def found(database: Path, package: str, version: str) -> list[dict[str, Any]]:
    pin = audit.Pin(package, version)
    return audit.weaknesses(pin, audit.advisories(database, [package, *audit.SAME_CODE[0]]))


def test_a_lock_is_read_with_hashes_continuations_markers_and_comments() -> None:
    assert audit.pins(LOCK) == [("alpha-beta", "1.0"), ("gamma", "2.10"), ("gamma", "2.11")]


@pytest.mark.parametrize("line", ["alpha>=1", "alpha", "alpha==1.*", "alpha==1,!=2", "alpha @ file:///x"])
def test_a_lock_that_pins_no_exact_version_is_not_passed_over(line: str) -> None:
    with pytest.raises(audit.UnusableError):
        audit.pins(line)


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ("[introduced: '1.0', fixed: '2.0']", ["1.0", "1.9.9", "2.0rc1"], ["0.9", "1.0rc1", "2.0", "2.0.post1", "10"]),
        ("[introduced: '0', fixed: '2.0']", ["0", "0a1", "1.10", "2.0.dev1"], ["2.0", "2.0.0"]),
        ("[introduced: '1.0', last_affected: '2.0']", ["1.0", "2.0", "2.0rc1"], ["0.9", "2.0.1", "2.0.post1"]),
        ("[introduced: '1.0']", ["1.0", "99"], ["0.9"]),
        ("[introduced: '0', fixed: '1.5', introduced: '2.0', fixed: '2.5']", ["1.4", "2.0"], ["1.5", "2.0rc1", "2.5"]),
        ("[fixed: '2.0', fixed: '4.0', introduced: '3.0', introduced: '1.0']", ["1.0", "3.9"], ["0.9", "2.5", "4.0"]),
    ],
)
def test_the_edges_of_a_range(database: Path, add: Add, events: str, inside: list[str], outside: list[str]) -> None:
    add("alpha", "PYSEC-1", events)
    assert [version for version in (*inside, *outside) if found(database, "alpha", version)] == inside


def test_a_listed_version_counts_outside_all_ranges_and_old_spellings_are_passed_over(database: Path, add: Add) -> None:
    add("alpha", "PYSEC-1", "[introduced: '5']", extra="  versions: [0.8.3-r1x, 1.0, 2.10]")
    assert found(database, "alpha", "1.0.0")
    assert found(database, "alpha", "2.10"), "an unquoted 2.10 is no 2.1"
    assert not found(database, "alpha", "2.1")
    assert not found(database, "alpha", "0.8.3")


def test_what_is_withdrawn_or_of_another_package_or_ecosystem_is_left_out(database: Path, add: Add) -> None:
    everything = "[introduced: '0']"
    add("alpha", "PYSEC-1", everything, more="withdrawn: '2024-01-01T00:00:00Z'")
    add("beta", "PYSEC-2", everything)
    add("alpha", "PYSEC-3", extra="- package: {name: alpha, ecosystem: npm}\n  versions: ['1.0']")
    assert not found(database, "alpha", "1.0")
    assert [one["id"] for one in found(database, "beta", "1.0")] == ["PYSEC-2"]


def test_one_weakness_under_three_names_and_two_numbers_counts_once(database: Path, add: Add) -> None:
    add("tensorflow", "PYSEC-1", "[introduced: '0', fixed: '2.5', introduced: '2.6', fixed: '2.7']", "aliases: [CVE-1]")
    add("tensorflow-cpu", "PYSEC-2", "[introduced: '0']", "aliases: [CVE-1, GHSA-1]")
    add("tensorflow-gpu", "PYSEC-3", "[introduced: '0', fixed: '2.8']", "aliases: [CVE-2]")
    assert found(database, "tensorflow", "2.6.2") == [
        {"id": "PYSEC-1", "aliases": ["CVE-1", "GHSA-1", "PYSEC-2"], "fixed": "2.7"},
        {"id": "PYSEC-3", "aliases": ["CVE-2"], "fixed": "2.8"},
    ]
    assert [one["id"] for one in found(database, "tensorflow", "2.9")] == ["PYSEC-2"]


def test_the_fix_is_the_first_later_one() -> None:
    events = [{"introduced": "0"}, {"fixed": "1.10"}, {"introduced": "2"}, {"fixed": "2.9"}, {"fixed": "2.10"}]
    ranges = [{"type": "ECOSYSTEM", "events": events}]
    advisory = {"affected": [{"package": {"name": "Alpha", "ecosystem": "PyPI"}, "ranges": ranges}]}
    assert audit.fixed_in(advisory, "alpha", Version("1.9")) == "1.10"
    assert audit.fixed_in(advisory, "alpha", Version("2.1")) == "2.9"
    assert audit.fixed_in(advisory, "alpha", Version("3")) is None


def test_a_weakness_of_the_engine_is_told_kept_and_the_exit_code(
    database: Path, add: Add, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add("delta", "PYSEC-1", "[introduced: '0']")
    commit(database)
    assert audit.main([str(database)]) == 0, "an old environment's weaknesses are expected"
    assert not audit.EVIDENCE.exists()
    add("gamma", "PYSEC-2", "[introduced: '2.11']", "aliases: [CVE-2]")
    commit(database)
    assert audit.main([str(database), "--write"]) == 1
    assert "requirements.lock: packages 2, weaknesses 1: gamma 2.11 (1)" in capsys.readouterr().out
    kept = json.loads(audit.EVIDENCE.read_text())
    git = ["git", "-C", str(database), "log", "-1", "--format=%H"]
    assert kept["database"]["commit"] == subprocess.check_output(git, text=True).strip()
    assert kept["locks"]["requirements.lock"]["known_packages"] == 1
    assert kept["locks"]["requirements.lock"]["weak"] == [
        {"package": "gamma", "version": "2.11", "advisories": [{"id": "PYSEC-2", "aliases": ["CVE-2"], "fixed": None}]}
    ]


def test_advisories_filed_under_another_name_of_the_same_code_are_read(database: Path, add: Add, root: Path) -> None:
    (root / "requirements.lock").write_text(f"tensorflow==2.6.2 {HASH}\n")
    add("tensorflow-gpu", "PYSEC-1", "[introduced: '0']")
    commit(database)
    weak = audit.audit(database)["locks"]["requirements.lock"]["weak"]
    assert [(one["package"], one["advisories"][0]["id"]) for one in weak] == [("tensorflow", "PYSEC-1")]


def test_the_table_says_where_a_lock_was_changed_or_never_looked_up(database: Path, add: Add, root: Path) -> None:
    add("delta", "PYSEC-1", "[introduced: '0']")
    commit(database)
    audit.main([str(database), "--write"])
    before = audit.tables()["audit"].splitlines()[2:]
    assert before == [
        "| `requirements.lock` | 2 | 0 | 0 | none |",
        "| `environments/old/bootstrap.lock` | 1 | 1 | 1 | delta 3.0 (1) |",
        "| `environments/old/requirements.lock` | 1 | 1 | 1 | delta 3.0 (1) |",
    ]
    (root / "requirements.lock").write_text(LOCK.replace("2.11", "2.12"))
    (root / "requirements-new.lock").write_text(LOCK)
    after = audit.tables()["audit"].splitlines()[2:]
    assert after[0] == "| `requirements.lock` | 2 | 0 | 0 | none. **The lock has changed since** |"
    assert after[1] == "| `requirements-new.lock` | - | - | - | not looked up |"
    assert after[2:] == before[1:]


def test_what_is_no_clone_is_refused_in_one_line(
    tmp_path: Path, database: Path, add: Add, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(folder: Path, why: str) -> bool:
        assert audit.main([str(folder)]) == 2
        error = capsys.readouterr().err
        return error.startswith("audit: ") and why in error and "Traceback" not in error

    add("gamma", "PYSEC-1", "[introduced: '0']")
    assert refused(database, "vulns is not as committed")
    commit(database)
    assert refused(database / "vulns", "not the top of a git clone")
    assert refused(tmp_path / "missing", "not a git clone")
    add("gamma", "PYSEC-1", "[introduced: 'no version']")
    commit(database)
    assert refused(database, "PYSEC-1: Invalid version: 'no version'")
    (database / "vulns/gamma/PYSEC-1.yaml").write_text("{")
    commit(database)
    assert refused(database, "PYSEC-1.yaml")
