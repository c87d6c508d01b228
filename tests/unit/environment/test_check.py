"""Installations that are missing, damaged or changed: one line and exit code 3, before anything is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repro.environment import definition
from tests.support.command_line import Repro, nothing_in
from tests.support.installations import install_stand_in, write_installation


def test_environment_not_installed(repro: Repro, own_environments: Path, store: Path) -> None:
    repro("run", "original-bug").refused(3, "keras-3 is not installed: repro environment install keras-3")
    repro("run", "original-bug", "--environment", "all").refused(3, "no environment is installed")
    repro("environment", "check").refused(3, "no environment is installed")
    repro("environment", "check", "keras-3").refused(3, "keras-3 is not installed")
    repro("environment", "show", "tf-keras").refused(3, "tf-keras is not installed: repro environment install keras-3")
    assert nothing_in(store)


def test_missing_interpreter(
    repro: Repro, own_environments: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = install_stand_in(own_environments)
    python.unlink()
    repro("run", "original-bug").refused(3, "keras-3 is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    repro("environment", "install", "keras-2.0.9").refused(3, "needs Python 3.6, and none was found: install it")
    repro("environment", "install", "keras-2.0.9", "--python", "/bin/true").refused(3, "/bin/true is not Python 3.6")
    repro("environment", "install", "keras-2.0.9", "--python", "/none").refused(3, "/none is not Python 3.6")
    assert nothing_in(store)


@pytest.mark.parametrize(
    "interpreter",
    ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho hello\n", "#!/bin/sh\necho '[1]'\n", "#!/nowhere/python\n", "\0"],
)
def test_interpreter_that_does_not_run(repro: Repro, own_environments: Path, store: Path, interpreter: str) -> None:
    python = write_installation(own_environments, "keras-3", interpreter)
    repro("run", "original-bug").refused(3, f"{python}: ", "the interpreter of keras-3 does not run: install it again")
    assert repro("environment", "list").code == 0
    assert repro("doctor").code == 3
    assert nothing_in(store)


def test_lock_that_does_not_match(repro: Repro, own_environments: Path, store: Path) -> None:
    install_stand_in(own_environments, numpy="1.0", keras=None)
    answer = repro("run", "original-bug")
    answer.refused(
        3, "the environment keras-3 differs from its lock (keras: locked ", "installed not at all and 1 more"
    )
    assert "--allow-drift" in answer.err
    found = repro("environment", "check", "keras-3", "--json")
    assert found.code == 3
    assert [line.split(":")[0] for line in found.json["environments"][0]["drift"]] == ["keras", "numpy"]
    assert nothing_in(store)


def test_installation_from_another_lock(repro: Repro, own_environments: Path, store: Path) -> None:
    python = install_stand_in(own_environments)
    marker = python.parents[1] / definition.MARKER
    assert repro("environment", "check", "keras-3").code == 0
    marker.write_text(json.dumps({"format": 1, "environment": "keras-3", "lock_sha256": "0" * 64}))
    repro("run", "original-bug").refused(3, "the installation was made from another lock file")
    marker.write_text("not JSON")
    repro("run", "original-bug").refused(3, "differs from its lock")
    assert nothing_in(store)


@pytest.mark.parametrize("text", ["no JSON", "[]"])
def test_doctor_goes_on_where_an_examination_fails(
    repro: Repro, own_environments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "image.json"
    file.write_text(text)
    monkeypatch.setattr("repro.environment.record.IMAGE_FILE", file)
    answer = repro("doctor", "--json")
    found = {finding["subject"]: finding["message"] for finding in answer.json["findings"]}
    assert answer.code == 3 and found["container"].startswith("could not be examined: ") and "memory" in found


def test_a_surplus_package_is_drift(repro: Repro, own_environments: Path) -> None:
    install_stand_in(own_environments, surplus="1.0")
    repro("run", "original-bug").refused(3, "surplus: locked not at all, installed 1.0")


def test_environment_list(repro: Repro, own_environments: Path) -> None:
    python = install_stand_in(own_environments)
    rows = {row["name"]: row for row in repro("environment", "list", "--json").json["environments"]}
    assert rows["keras-3"].keys() >= {"name", "installed", "python", "keras", "tensorflow"}
    assert rows["keras-3"]["installed"] and rows["tf-keras"]["installed"]
    assert rows["keras-3"]["python"] == str(python)
    assert rows["keras-3"]["keras"] == "3.15.1" and rows["tf-keras"]["keras"] == "2.21.0"
    assert not rows["keras-2.0.9"]["installed"] and rows["keras-2.0.9"]["python"] is None
    assert (rows["keras-2.0.9"]["keras"], rows["keras-2.0.9"]["tensorflow"]) == ("2.0.9", "1.4.0")
