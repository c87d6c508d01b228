"""What is to be run, decided and checked before anything starts."""

from __future__ import annotations

import functools
import hashlib
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from msgspec import UNSET, UnsetType

from repro import __version__
from repro.base.text import to_utf8
from repro.environment.definition import Environment
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.ids import new_id
from repro.runs.records import FORMAT, Device, RunRecord
from repro.runs.store import Store
from repro.scenario import script_files
from repro.scenario.image_record import ImageRecord
from repro.scenario.images import ImageSet
from repro.scenario.script_record import ScriptRecord
from repro.scenario.script_types import AnyScenario, ScriptScenario

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Plan:
    """One scenario in one environment with one seed."""

    scenario: AnyScenario
    scenario_text: str
    environment: Environment
    seed: int
    # None: a program trains.
    images: ImageSet | None
    shipped_images: bool
    threads: int
    command: list[str]
    device: Device = "auto"
    deterministic: bool = False
    keep_weights: bool = False
    traced: bool = False
    drift: tuple[str, ...] = ()
    snapshot_epochs: tuple[int, ...] | None = None
    derived_from: str | None = None
    # The user's own model file; only where it was trusted.
    model_source: bytes | None = None
    # The program of a script scenario and its files, by name; only where it was trusted.
    program: Mapping[str, bytes] | None = None

    def create(self, store: Store) -> tuple[RunDirectory, IO[bytes]]:
        """The run's directory, holding its lock; not yet started."""
        return store.create(self.record(after=store.latest()), self.files())

    def record(self, after: str = "") -> RunRecord:
        """run.json of a new run, with an id of its own that comes after the id `after`."""
        return RunRecord(
            format=FORMAT,
            id=new_id(self.scenario.name, self.environment.name, self.seed, after),
            scenario=self.scenario.name,
            scenario_sha256=self.scenario.sha256(),
            environment=self.environment.name,
            lock_sha256=self.environment.lock_sha256(),
            seed=self.seed,
            device=self.device,
            threads=self.threads,
            deterministic=self.deterministic,
            command=[to_utf8(argument) for argument in self.command],
            package_sha256=package_sha256(),
            started=time.time(),
            images=self.image_records,
            shipped_images=self.shipped_images,
            keep_weights=self.keep_weights,
            traced=self.traced,
            package_version=__version__,
            commit=commit(),
            drift=list(self.drift),
            derived_from=self.derived_from,
            snapshot_epochs=None if self.snapshot_epochs is None else list(self.snapshot_epochs),
            validation_images=self.validation_records,
            model_sha256=self.model_sha256,
            script=self.script_record,
        )

    @property
    def image_records(self) -> list[ImageRecord]:
        """Of the images that are trained on; empty where a program trains."""
        return [] if self.images is None else self.images.records

    @property
    def validation_records(self) -> list[ImageRecord]:
        """Of the images that are never trained on; empty where there are none."""
        return [] if self.images is None or self.images.validation is None else self.images.validation.records

    @property
    def script_record(self) -> ScriptRecord | UnsetType:
        """What run.json keeps of the program; UNSET for a scenario of images."""
        if not isinstance(self.scenario, ScriptScenario):
            return UNSET
        return script_files.record(self.scenario, self.seed, self.program or {})

    @property
    def model_sha256(self) -> str | None:
        """Hash of the user's own model file; None: an application."""
        return None if self.model_source is None else hashlib.sha256(self.model_source).hexdigest()

    def files(self) -> dict[str, bytes]:
        """What lies beside run.json from the beginning."""
        files = {
            layout.SCENARIO: self.scenario_text.encode(),
            layout.PACKAGE_LOCK: self.environment.lock.read_bytes(),
        }
        if self.images is not None:
            files[layout.IMAGES] = self.images.npy()
            if self.images.validation is not None:
                files[layout.VALIDATION_IMAGES] = self.images.validation.npy()
        for name, data in (self.program or {}).items():
            files[f"{layout.PROGRAM}/{name}"] = data
        if self.model_source is not None:
            files[layout.OWN_MODEL] = self.model_source
        return files


@functools.cache
def package_sha256() -> str:
    """Hash over names and contents of this package's source files."""
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(str(file.relative_to(PACKAGE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@functools.cache
def commit() -> str | None:
    """The checkout's commit, with `-dirty` where files differ; None outside a checkout."""
    if not (PACKAGE.parent / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", PACKAGE.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
