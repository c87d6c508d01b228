"""Whatever a bundle holds, reading it gives data or one line; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repro.base.errors import InputError
from repro.bundle import read
from repro.bundle.archive import zipped
from tests.support.bundles import Files, path_of, resealed


class Good:
    """A good bundle's files and bytes, behind a short repr (Hypothesis prints arguments)."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.zipped = zipped(files)

    def __repr__(self) -> str:
        return "Good()"


@pytest.fixture(scope="session")
def good(good_files: Files) -> Good:
    return Good(good_files)


PIECES = st.binary(max_size=8) | st.sampled_from(
    [b"null", b"1e999", b"-1", b"9" * 400, b"[]", b"{}", b'""', b"\xff", b"NaN", b"true", b"\x1b[2J"]
)
EDITS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 6), PIECES), min_size=1, max_size=3)
TEXTS = ("run.json", "result.json", "environment.json", "events.jsonl", "scenario.yaml", "bundle.json")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(end=st.sampled_from(TEXTS), edits=EDITS)
def test_never_a_traceback_whatever_a_member_holds(
    end: str, edits: list[tuple[int, int, bytes]], good: Good, tmp_path: Path
) -> None:
    """A member changed anywhere, under a manifest that fits it again: InputError or a good bundle."""
    good_files = good.files
    name = end if end == "bundle.json" else path_of(good_files, end)
    content = bytearray(good_files[name])
    for at, length, new in edits:
        at %= len(content) + 1
        content[at : at + length] = new
    changed = {**good_files, name: bytes(content)}
    made = changed if name == "bundle.json" else resealed(changed)
    read_all(tmp_path / "any.zip", zipped(made))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(near_end=st.booleans(), edits=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1))
def test_never_a_traceback_whatever_the_archive_holds(
    near_end: bool, edits: list[tuple[int, int]], good: Good, tmp_path: Path
) -> None:
    content = bytearray(good.zipped)
    for at, value in edits:
        content[-1 - at % 3000 if near_end else at % len(content)] = value
    read_all(tmp_path / "any.zip", bytes(content))


def read_all(target: Path, content: bytes) -> None:
    target.write_bytes(content)
    try:
        with read.opened(target) as bundle:
            for run in bundle.runs:
                _ = run.measurements, run.facts_record
    except InputError as error:
        assert str(error).count("\n") == 0


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_never_a_traceback_for_any_file(content: bytes, tmp_path: Path) -> None:
    target = tmp_path / "any.zip"
    target.write_bytes(content)
    with pytest.raises(InputError), read.opened(target):
        pass
