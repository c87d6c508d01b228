"""Whatever the bytes, a reader gives data or one line; never a traceback."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repro.base import yaml_file
from repro.base.errors import InputError
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.view import RunView, read_environment
from repro.scenario.types import Scenario
from tests.support.runs.copied import DATA

PIECES = st.binary(max_size=12) | st.sampled_from(
    [b"null", b"1e999", b"-1", b"9" * 400, b"[]", b"{}", b'""', b"\xff\xfe", b"NaN", b"&a [*a]", b"!!x", b"\n", b": "]
)
EDITS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 8), PIECES), min_size=1, max_size=4)
SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def changed(name: str, edits: list[tuple[int, int, bytes]]) -> bytes:
    content = bytearray((DATA / name).read_bytes())
    for at, length, new in edits:
        at %= len(content) + 1
        content[at : at + length] = new
    return bytes(content)


@SETTINGS
@given(edits=EDITS)
def test_scenario(edits: list[tuple[int, int, bytes]], tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(changed("scenario.yaml", edits))
    try:
        assert yaml_file.read(file).convert(Scenario).sha256()
    except InputError as error:
        assert str(error).count("\n") == 0 and str(error).isprintable()


@SETTINGS
@given(content=st.binary(max_size=300))
def test_scenario_of_any_bytes(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        yaml_file.read(file).convert(Scenario)
    assert str(caught.value).isprintable()


@SETTINGS
@given(content=st.binary(max_size=300) | EDITS)
def test_events(content: bytes | list[tuple[int, int, bytes]], tmp_path: Path) -> None:
    data = content if isinstance(content, bytes) else changed("events.jsonl", content)
    (tmp_path / "events.jsonl").write_bytes(data)
    try:
        RunDirectory(tmp_path).progress()
    except InputError as error:
        assert str(error).count("\n") == 0


@SETTINGS
@given(edits=EDITS, name=st.sampled_from(["run.json", "result.json", "environment.json"]))
def test_records(edits: list[tuple[int, int, bytes]], name: str, tmp_path: Path) -> None:
    for other in ("run.json", "result.json", "environment.json", "events.jsonl", "scenario.yaml"):
        (tmp_path / other).write_bytes((DATA / other).read_bytes())
    (tmp_path / name).write_bytes(changed(name, edits))
    run = RunView(RunDirectory(tmp_path))
    try:
        assert run.state
        _ = run.record, run.result, run.measurements, read_environment(run.run)
    except InputError as error:
        assert str(error).count("\n") == 0


@SETTINGS
@given(line=st.binary(max_size=200))
def test_one_event_of_any_bytes(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        events.decode(line)
