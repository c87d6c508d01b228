"""A whole run directory as bytes, and back into a store: nothing of it is believed before it was checked."""

from __future__ import annotations

import io
import shutil
from collections.abc import Collection
from pathlib import Path

from repro.base.errors import InputError, UnusableError
from repro.base.files import sync_folder, write_durably
from repro.bundle.archive import zipped
from repro.bundle.manifest import MAX_ARCHIVE_BYTES
from repro.bundle.read import checked_archive
from repro.bundle.refusal import bad
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.records import Result, RunRecord
from repro.runs.result import file_hashes
from repro.runs.result_check import contradiction
from repro.runs.store import NEW_PREFIX, Store
from repro.runs.view import RunView
from repro.scenario.script_types import AnyScenario


def packed(run: RunDirectory, sent: Collection[str]) -> bytes:
    """The files of a run that ended but for those that were `sent` with it.

    Without its lock, and without checkpoints, which nobody could go on with.
    """
    names = {str(path.relative_to(run.path)): path for path in sorted(run.path.rglob("*")) if path.is_file()}
    return zipped(
        {
            name: path.read_bytes()
            for name, path in names.items()
            if name not in sent and path.name != layout.LOCK and not path.name.startswith(layout.CHECKPOINT_PREFIX)
        }
    )


def received(
    data: bytes, record: RunRecord, files: dict[str, bytes], scenario: AnyScenario, store: Store
) -> RunDirectory:
    """Put the run that was made for `record` and `files` into the store; InputError where it is not that run."""
    origin = Path(f"run {record.id}")
    hidden = store.path / f"{NEW_PREFIX}{record.id}"
    if len(data) > MAX_ARCHIVE_BYTES:
        what = f"comes back as {len(data) >> 20} MiB, more than {MAX_ARCHIVE_BYTES >> 20}"
        raise InputError(what, do="make it here, without --scheduler", file=origin)
    shutil.rmtree(hidden, ignore_errors=True)
    try:
        for folder in (layout.ARRAYS, layout.WEIGHTS):
            (hidden / folder).mkdir(parents=True)
        with io.BytesIO(data) as stream, checked_archive(origin, stream) as (archive, members):
            for name, member in members.items():
                if name in files:
                    bad(origin, f"it holds {name}, which was sent", "look at the worker")
                (hidden / name).parent.mkdir(parents=True, exist_ok=True)
                write_durably(hidden / name, archive.read(member))
        run = RunDirectory(hidden)
        if run.record() != record:
            bad(origin, "its run.json is not what was asked", "look at the worker")
        for name, content in files.items():
            write_durably(run.file(name), content)
        result = run.result()
        if result is not None:
            _check(origin, run, result, scenario)
        run.file(layout.LOCK).touch()
        hidden.rename(store.path / record.id)
        sync_folder(store.path)
    except BaseException as error:
        shutil.rmtree(hidden, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise UnusableError(
            f"the run cannot be written ({error.strerror})", do="free some space", file=hidden
        ) from None
    return RunDirectory(store.path / record.id)


def _check(origin: Path, run: RunDirectory, result: Result, scenario: AnyScenario) -> None:
    """Refuse a result that does not follow from the run, or whose files are not whole."""
    if result.files != file_hashes(run):
        bad(origin, "its files do not have the hashes of its result", "look at the worker")
    if fault := contradiction(RunView(run), result, scenario, with_text=True):
        bad(origin, fault, "look at the worker")
