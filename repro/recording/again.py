"""Runs a recording's program again, from a bundle, where an environment with the very same packages is installed."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.base import scratch
from repro.base.errors import EndedEarlyError, InputError, UnusableError
from repro.base.text import one_line
from repro.bundle.read import Bundle
from repro.bundle.verify import duration, onednn_of
from repro.environment import check, definition
from repro.environment.definition import Environment, normalized
from repro.environment.machine import ONEDNN
from repro.recording import launch
from repro.recording.closing import close
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.recorded_files import packages_of
from repro.runs.store import Store
from repro.runs.view import RunView

# What is installed with an interpreter, and trains nothing.
_INSTALLERS = frozenset({"pip", "setuptools", "wheel"})
# Variables that change figures, passed on as they were recorded.
_VARIABLES = (
    *(ONEDNN, "TF_USE_LEGACY_KERAS", "TF_DETERMINISTIC_OPS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    *("KERAS_BACKEND", "OMP_NUM_THREADS", "PYTHONHASHSEED"),
)
_PLAIN_VALUE = re.compile(r"^[A-Za-z0-9_]{1,20}\Z")
_SCRIPT_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}\.py\Z")
_ALIAS = re.compile(r"<[a-z]+-\d+>")
# A program may take this many times what it took, or the least time, whichever is longer; then it is killed.
PATIENCE = 20
LEAST_SECONDS = 600.0


@dataclass(frozen=True)
class Again:
    """A program that is to run again, and the recordings in the bundle that one of its processes made."""

    evidence: tuple[RunView, ...]
    environment: Environment
    script: bytes
    onednn: str | None
    seconds: float
    memory_bytes: int
    data: Path | None

    @property
    def summary(self) -> str:
        """What is to be done, in one line."""
        recorded = self.evidence[0].recorded
        words = " ".join([script_name(self.evidence[0]), *recorded.arguments])
        return f"{one_line(words, 200)} in {self.environment.name}, recorded: about {duration(self.seconds)}"


def script_name(run: RunView) -> str:
    """Return what the program's file is called, if that can be a file's name everywhere."""
    name = run.recorded.script
    return name if name is not None and _SCRIPT_NAME.match(name) else layout.SCRIPT


def why_not(run: RunView, original_sha256: str | None) -> str | None:
    """Return why a recording's program cannot run again from a bundle; None if it can.

    `original_sha256`: of script.py, if something in it was replaced.
    """
    if not run.run.file(layout.SCRIPT).is_file():
        return "its program is not inside, only the hash (export --with-script adds it)"
    if original_sha256 is not None:
        return "names in its program were replaced: it is no longer the code that ran"
    replaced = [word for word in run.recorded.arguments if _ALIAS.search(word)]
    if replaced:
        return f"its arguments were replaced ({one_line(' '.join(replaced), 100)})"
    if packages_of(_lock(run)) is None:
        return "its packages are not known"
    return None


def plan(bundle: Bundle, runs: Sequence[RunView], data: Path | None) -> list[Again]:
    """Return what has to run; UnusableError if no installed environment has the packages of one of them.

    `data`: the folder in which the programs find their files; None: one that is empty.
    """
    if data is not None and not data.is_dir():
        raise InputError("is not a folder", do="name the folder in which the program finds its data", file=data)
    processes: dict[tuple[object, ...], list[RunView]] = {}
    for run in runs:
        record = run.recorded
        key = (record.script_sha256, tuple(record.arguments), record.pid, record.parent_pid, run.record.lock_sha256)
        processes.setdefault(key, []).append(run)
    return [_plan_one(bundle, tuple(group), data) for group in processes.values()]


def _plan_one(bundle: Bundle, group: tuple[RunView, ...], data: Path | None) -> Again:
    first = group[0]
    environment = environment_for(first, bundle.path)
    return Again(
        evidence=group,
        environment=environment,
        script=first.run.file(layout.SCRIPT).read_bytes(),
        onednn=onednn_of(first.environment, environment),
        seconds=max(run.progress.seconds_so_far for run in group),
        memory_bytes=max(run.progress.peak_memory_bytes or 0 for run in group),
        data=data,
    )


def environment_for(run: RunView, file: Path) -> Environment:
    """Return an installed environment with the very packages of a recording; UnusableError names what is nearest."""
    wanted = _without_installers(packages_of(_lock(run)) or {})
    python = run.recorded.python.rpartition(".")[0]
    nearest, fewest = "", len(wanted) + 1
    for environment in _by_likeness(run):
        version, packages = check.installed(environment)
        have = _without_installers(packages)
        differing = sorted(name for name in wanted.keys() | have.keys() if wanted.get(name) != have.get(name))
        if not differing and version.rpartition(".")[0] == python:
            return environment
        if len(differing) < fewest:
            fewest = len(differing)
            what = f"{', '.join(differing[:3])}{' and others' if len(differing) > 3 else ''}" or f"Python {version}"
            differs = "differ" if len(differing) > 1 else "differs"
            nearest = f"; in the nearest, {environment.name}, {what} {differs}"
    raise UnusableError(
        f"no environment here has the packages of {run.id} (Keras {run.recorded.keras}, Python {run.recorded.python})"
        f"{nearest}",
        do="make one from its requirements.lock (repro environment new), or leave --trust out",
        file=file,
    )


def _by_likeness(run: RunView) -> list[Environment]:
    """Return the installed environments, those first whose variables are the recorded ones: two may share packages."""
    recorded = run.environment.get("facts", {}).get("variables")
    variables = recorded if isinstance(recorded, dict) else {}
    known = [*definition.shipped_environments().values(), *definition.made_environments().values()]
    installed = [one for one in known if one.is_installed()]

    def differing(environment: Environment) -> int:
        own = environment.definition.variables
        names = own.keys() | (variables.keys() & {"TF_USE_LEGACY_KERAS", "KERAS_BACKEND"})
        return sum(own.get(name) != variables.get(name) for name in names)

    return sorted(installed, key=differing)


def _without_installers(packages: dict[str, str]) -> dict[str, str]:
    named = {normalized(name): version for name, version in packages.items()}
    return {name: version for name, version in named.items() if name not in _INSTALLERS}


def _lock(run: RunView) -> str:
    file = run.run.file(layout.PACKAGE_LOCK)
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def run(again: Again, store: Store) -> list[RunView]:
    """Run the program under the recorder; return the recording in `store` for each of the evidence, in its order.

    EndedEarlyError, with the program's last line, if it did not make one of them.
    """
    with scratch.folder("again") as folder:
        script = folder / script_name(again.evidence[0])
        script.write_bytes(again.script)
        (folder / "home").mkdir()
        log = folder / "program.log"
        options = launch.Options(
            store=store.path,
            name=again.evidence[0].record.scenario,
            environment=again.environment,
            confined=launch.Confined(
                folder=again.data.absolute() if again.data is not None else folder,
                variables=_variables(again, folder),
                log=log,
                seconds=max(LEAST_SECONDS, PATIENCE * again.seconds),
            ),
        )
        file = script.name if again.data is None else str(script)
        command = ["python", file, *again.evidence[0].recorded.arguments]
        ended = launch.run(command, options)
        made = {}
        for run_id in ended.mark.recordings:
            recording = RunDirectory(store.path / Path(run_id).name)
            if recording.path.is_dir():
                if recording.result() is None and not recording.is_locked():
                    recording.file(layout.SCRIPT).write_bytes(again.script)
                close(recording, ended.end)
                view = RunView(recording)
                made[view.recorded.number] = view
        missing = [run.recorded.number for run in again.evidence if run.recorded.number not in made]
        if missing:
            code = ended.end.exit_code
            raise EndedEarlyError(
                f"the program ended with exit code {code} before it made recording {missing[0]}: {_last_line(log)}",
                do="if it needs files that are not inside, name their folder: --data DIR",
            )
        return [made[run.recorded.number] for run in again.evidence]


def _variables(again: Again, folder: Path) -> dict[str, str]:
    """Return all that the program gets of variables: nothing of this user's but PATH."""
    recorded = again.evidence[0].environment.get("facts", {}).get("variables")
    known = recorded if isinstance(recorded, dict) else {}
    variables = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder / "home"), "TMPDIR": str(folder)}
    if again.data is not None:
        variables["PYTHONPATH"] = str(again.data.absolute())
    for name in _VARIABLES:
        value = known.get(name)
        if isinstance(value, str) and _PLAIN_VALUE.match(value):
            variables[name] = value
    if again.onednn is not None:
        variables[ONEDNN] = again.onednn
    return variables


def _last_line(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - 4096))
        lines = stream.read().decode("utf-8", errors="replace").split("\n")
    written = [line for line in lines if line.strip()]
    return one_line(written[-1].strip(), 200) if written else "it printed nothing"
