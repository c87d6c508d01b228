"""A damaged run is named as such and hides no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from tests.support.command_line import Repro
from tests.support.runs.planned import (
    epoch,
    finish,
    make,
    started,
    whole,
)


def damage(run: RunDirectory, how: str) -> None:
    file = run.file("run.json")
    match how:
        case "no run.json":
            file.unlink()
        case "torn run.json":
            file.write_bytes(file.read_bytes()[:50])
        case "not UTF-8":
            file.write_bytes(b"\xff\xfe")
        case "deep":
            file.write_bytes(b"[" * 100_000)
        case "wrong types":
            file.write_text('{"format": 1, "id": 3}')
        case "newer":
            file.write_text('{"format": 2, "all": "different"}')
        case "no format":
            file.write_text("{}")
        case "garbage in events":
            run.file("events.jsonl").write_bytes(b"\x1b[31mgarbage\n")
        case "damaged result":
            run.file("result.json").write_text("{")
        case "newer result":
            run.file("result.json").write_text('{"format": 7}')
        case "a file":
            import shutil

            shutil.rmtree(run.path)
            run.path.write_text("")
        case "another's name":
            file.write_bytes(file.read_bytes().replace(run.id.encode(), run.id[:-4].encode() + b"0000"))


@pytest.mark.parametrize(
    "how",
    [
        "no run.json",
        "torn run.json",
        "not UTF-8",
        "deep",
        "wrong types",
        "newer",
        "no format",
        "garbage in events",
        "damaged result",
        "newer result",
        "a file",
        "another's name",
    ],
)
def test_a_damaged_run_hides_no_other(repro: Repro, folder: Path, store: Path, how: str) -> None:
    before, bad, after = (make(folder, store, started(), seed=seed) for seed in range(3))
    damage(bad, how)
    listed = repro("runs", "--json")
    assert listed.code == 0 and listed.err == ""
    assert [(one["run"], one["state"]) for one in listed.json["runs"]] == [
        (before.id, "interrupted"),
        (bad.id, "damaged"),
        (after.id, "interrupted"),
    ]
    assert bad.state() == "damaged"
    text = repro("runs")
    assert text.code == 0 and "damaged" in text.out and "\x1b[31mgarbage" not in text.out
    shown = repro("show", bad.id, "--json")
    assert shown.json["state"] == "damaged" and shown.json["reason"]
    if how.startswith("newer"):
        assert "update repro" in shown.json["reason"]
    assert "\x1b[31mgarbage" not in repro("show", bad.id).out
    repro("resume", bad.id).refused(2, "is damaged: start it anew")
    assert repro("watch", bad.id).code == 2
    assert repro("list").code == 0
    assert repro("delete", bad.id).code == 0
    assert [run.id for run in Store(store).runs()] == [before.id, after.id]


def test_a_run_whose_claim_names_an_environment_that_is_gone(repro: Repro, folder: Path, store: Path) -> None:
    file = folder / "s.yaml"
    file.write_text(file.read_text().replace("to: 1.0}", "to: 1.0, only: [keras-3]}"))
    run = make(folder, store, *whole())
    finish(run)
    kept = run.file("scenario.yaml")
    kept.write_text(kept.read_text().replace("only: [keras-3]", "only: [keras-9]"))
    repro("check", kept).refused(2, "no environment is called 'keras-9'")
    for words in (["show", "last"], ["watch", "last"], ["compare", "last", "last"], ["diagnose", "last"]):
        answer = repro(*words)
        cannot_be_told = 1 if words[0] == "diagnose" else 0
        assert answer.code == cannot_be_told and answer.err.count("repro: ") == 0, (words, answer)


def test_numbers_that_are_not_finite(repro: Repro, folder: Path, store: Path) -> None:
    happened = whole()
    happened[4] = epoch(3, loss="nan", accuracy="inf")
    finish(make(folder, store, *happened))

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    shown = json.loads(repro("show", "last", "--json").out, parse_constant=refuse)
    assert shown["measurements"]["fit"]["loss"][-1] == "nan"
    assert shown["claims"][0]["measured"] == "inf"
    assert shown["verdict"] == "NOT_REPRODUCED"
    assert repro("show", "last").code == 0
