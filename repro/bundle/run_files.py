"""Chooses which files of a run go into a bundle, and says of the others why not."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from repro.base.errors import InputError
from repro.base.files import sha256
from repro.base.text import one_line
from repro.bundle.manifest import LeftOut
from repro.bundle.recording_files import NOT_OURS, RecordingFiles
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.view import RunView

EXPORTED_STATES = ("finished", "failed", "stopped", "interrupted")
MAX_FILE_BYTES = 64 * 1024 * 1024
TEXT_FILES = (layout.SCENARIO, layout.WORKER_LOG, layout.PACKAGE_LOCK, layout.OWN_MODEL, layout.SCRIPT)
ENVIRONMENT_FILE = re.compile(r"^environment(-\d+)?\.json$")
_STATISTICS = re.compile(r"^arrays/(?:moving|batch)-statistics-(\d+)\.npy$")
_WEIGHTS = re.compile(r"^weights/[\w-]+\.npz$")
_OTHER_ARRAYS = re.compile(r"^(trace|arrays)/[\w-]+(/[\w-]+)?\.(npy|npz|bin|f32|json|jsonl)$")


@dataclass(frozen=True)
class Choice:
    """What goes into a bundle beside records and figures.

    `images`: shipped images. `own_images`: the user's own too, as decoded arrays. `script`: a recording's program.
    `data`: the samples that a recording kept.
    """

    images: bool = True
    own_images: bool = False
    script: bool = False
    data: bool = False


@dataclass
class RunFiles:
    """The files of one run that go into a bundle, as they are, by name; and those that do not."""

    view: RunView
    files: dict[str, bytes]
    left_out: list[LeftOut]
    with_images: bool

    @property
    def has_own_images(self) -> bool:
        """Whether the images are the user's own."""
        return not self.view.record.shipped_images and not self.view.record.is_recording

    @property
    def is_recording(self) -> bool:
        """Whether the user's own program trained."""
        return self.view.is_recording


def gather(view: RunView, choice: Choice) -> RunFiles:
    """Read the files of a run that ended; InputError if it has not, or if a file is too large."""
    record = view.run.named_record()
    if view.state not in EXPORTED_STATES:
        raise InputError(f"the run {view.id} is {view.state}", do="export it when it has ended")
    with_images = choice.images and (record.shipped_images or choice.own_images)
    last_epoch = _last_epoch_with_statistics(view.run)
    recording = RecordingFiles(view, with_script=choice.script, with_data=choice.data) if record.is_recording else None
    files: dict[str, bytes] = {}
    left_out: list[LeftOut] = []
    for path in sorted(path for path in view.run.path.rglob("*") if path.is_file() and not path.is_symlink()):
        name = path.relative_to(view.run.path).as_posix()
        if recording is None:
            reason = _why_left_out(name, last_epoch, with_images)
        else:
            reason = recording.why_left_out(name)
        if reason is None:
            files[name] = _read(path)
        elif reason:
            # A name that the user gave can tell something.
            listed_name = f"other-{len(left_out)}" if reason == NOT_OURS else name
            left_out.append(_left_out(view, path, listed_name, reason))
    return RunFiles(view, files, left_out, with_images)


def refuse_changed(run: RunFiles) -> None:
    """Raise InputError if a file is not the one that the finished run hashed: verify would refuse the bundle."""
    result = run.view.result
    for name, data in run.files.items():
        recorded = result.files.get(name) if result is not None else None
        if recorded is not None and hashlib.sha256(data).hexdigest() != recorded:
            do = "export the run where it was made, or pass on the bundle that it is from"
            raise InputError("is not as the run left it (another hash)", do=do, file=f"{run.view.id}/{name}")


def _why_left_out(name: str, last_epoch: str, with_images: bool) -> str | None:
    """Return why a file is left out; None if it goes in, "" if it need not even be listed."""
    if name in (layout.RECORD, layout.RESULT, layout.EVENTS, *TEXT_FILES) or ENVIRONMENT_FILE.match(name):
        return None
    if name in (layout.IMAGES, layout.VALIDATION_IMAGES):
        return None if with_images else "images stay here"
    if statistics := _STATISTICS.match(name):
        return None if statistics[1] == last_epoch else "statistics of an earlier epoch"
    if _WEIGHTS.match(name):
        return "weights"
    if _OTHER_ARRAYS.match(name):
        return "arrays of the run that a report does not need"
    if name in (layout.LOCK, layout.STOP_REQUEST) or name.startswith(f"{layout.WORKER_HOME}/"):
        return ""
    return NOT_OURS


def _last_epoch_with_statistics(run: RunDirectory) -> str:
    epochs = [path.stem.rpartition("-")[2] for path in run.file(layout.ARRAYS).glob("*-statistics-*.npy")]
    return max(epochs, default="")


def _left_out(view: RunView, path: Path, name: str, reason: str) -> LeftOut:
    # A finished run has hashed its files; snapshots of weights are too large to do that again for nothing.
    recorded = view.result.files.get(path.relative_to(view.run.path).as_posix()) if view.result is not None else None
    return LeftOut(f"runs/{view.id}/{one_line(name)}", path.stat().st_size, recorded or sha256(path), reason)


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"larger than {MAX_FILE_BYTES >> 20} MiB", do="this run cannot be exported", file=path)
    return path.read_bytes()
