"""Whether a recording's program can run again from a bundle, where, and what is said if it cannot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.base.errors import UnusableError
from repro.bundle import export
from repro.cli import run_command_line
from repro.recording import again
from repro.recording.closing import close
from repro.runs.directory import RunDirectory
from repro.runs.recorded_files import packages_of
from repro.runs.store import Store
from repro.runs.view import RunView
from tests.support.installations import install_stand_in

PROGRAM = b"print('hello')\n"


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of installed environments, empty."""
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "environments"))
    return tmp_path / "environments"


def with_program(recording: Path, change: Callable[[Any], object] = lambda _: None) -> RunView:
    """Return a closed recording that has its program; `change` gets run.json before it is written."""
    file = recording / "run.json"
    data = json.loads(file.read_bytes())
    data["recorded"]["script_sha256"] = hashlib.sha256(PROGRAM).hexdigest()
    change(data)
    file.write_text(json.dumps(data))
    (recording / "script.py").write_bytes(PROGRAM)
    close(RunDirectory(recording))
    return RunView(RunDirectory(recording))


def bundle_of(run: RunView, file: Path, *, script: bool = True) -> str:
    export.write(export.collect([run], script=script), file)
    return str(file)


def packages(run: RunView) -> dict[str, str]:
    found = packages_of(run.run.file("requirements.lock").read_text())
    assert found
    return found


def install_with(environments: Path, wanted: dict[str, str], **changed: str | None) -> None:
    """Install a stand-in for keras-3 whose interpreter lists these packages."""
    from repro.environment import definition

    others: dict[str, str | None] = dict.fromkeys(definition.get("keras-3").locked_versions())
    install_stand_in(environments, "keras-3", **{**others, **wanted, **changed})


def test_an_environment_with_the_very_packages_is_chosen(recording: Path, environments: Path) -> None:
    run = with_program(recording)
    install_with(environments, packages(run), pip="99.1")  # pip trains nothing
    assert again.environment_for(run, Path("b.zip")).name in ("keras-3", "tf-keras")


@pytest.mark.parametrize(
    ("changed", "nearest"),
    [
        ({"numpy": "1.0"}, "numpy differs"),
        ({"extra-one": "2"}, "extra-one differs"),
        ({"numpy": None}, "numpy differs"),
    ],
)
def test_another_package_is_another_environment(
    changed: dict[str, str | None], nearest: str, recording: Path, environments: Path
) -> None:
    run = with_program(recording)
    install_with(environments, packages(run), **changed)
    with pytest.raises(UnusableError, match=nearest):
        again.environment_for(run, Path("b.zip"))


def test_another_python_is_another_environment(recording: Path, environments: Path) -> None:
    run = with_program(recording, lambda data: data["recorded"].update(python="3.9.7"))
    install_with(environments, packages(run))
    with pytest.raises(UnusableError, match=r"Python 3\.12\.1 differs"):
        again.environment_for(run, Path("b.zip"))


def test_without_trust_only_the_figures_are_checked(
    recording: Path, environments: Path, tmp_path: Path, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    run = with_program(recording)
    install_with(environments, packages(run))
    assert run_command_line(["verify", bundle_of(run, tmp_path / "b.zip")]) == 0
    out, err = capfd.readouterr()
    assert "not-converged, which follows from its figures" in out and "runs with --trust" in out and err == ""
    assert store.runs() == []


def test_without_such_an_environment_nothing_runs(
    recording: Path, environments: Path, tmp_path: Path, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not environments.exists()
    file = bundle_of(with_program(recording), tmp_path / "b.zip")
    assert run_command_line(["verify", file, "--trust"]) == 3
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and "no environment here has the packages" in err
    assert store.runs() == []


def test_a_program_that_trains_nothing_is_said_with_its_last_line(
    recording: Path, environments: Path, tmp_path: Path, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    """The stand-in for the interpreter prints its list of packages, whatever it is asked."""
    run = with_program(recording)
    install_with(environments, packages(run))
    assert run_command_line(["verify", bundle_of(run, tmp_path / "b.zip"), "--trust", "--json"]) == 4
    (row,) = json.loads(capfd.readouterr().out)["runs"]
    assert row["grade"] is None and row["state"] == "failed" and "before it made recording 1" in row["reason"]
    assert '"absl-py"' in row["reason"] and "--data DIR" in row["reason"]


@pytest.mark.parametrize(
    ("change", "script", "why"),
    [
        (lambda _: None, False, "its program is not inside, only the hash"),
        (lambda data: data["recorded"].update(arguments=["--owner", "Mandelbrod"]), True, "arguments were replaced"),
    ],
)
def test_what_cannot_run_says_why(
    change: Callable[[Any], object],
    script: bool,
    why: str,
    recording: Path,
    environments: Path,
    tmp_path: Path,
    store: Store,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = bundle_of(with_program(recording, change), tmp_path / "b.zip", script=script)
    for options, code in (([], 0), (["--no-run"], 0), (["--trust"], 1)):
        assert run_command_line(["verify", file, *options]) == code
        assert why in capfd.readouterr().out
    assert store.runs() == [] and not environments.exists()


def test_a_program_in_which_a_name_was_replaced_is_not_run(
    recording: Path, tmp_path: Path, store: Store, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.unit.recording.test_again.PROGRAM", b"open('/home/qarnavel/x.csv')\n")
    run = with_program(
        recording,
        lambda data: data["recorded"].update(
            script_sha256=hashlib.sha256(b"open('/home/qarnavel/x.csv')\n").hexdigest()
        ),
    )
    assert run_command_line(["verify", bundle_of(run, tmp_path / "b.zip"), "--trust"]) == 1
    assert "no longer the code that ran" in capfd.readouterr().out and store.runs() == []
