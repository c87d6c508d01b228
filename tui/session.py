"""What all screens share: a store as its watcher sees it, the queue, settings, the clipboard.

Screens read a store through the engine and have training done through the queue. Nothing here touches a widget.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from repro.base import shipped
from repro.runs.summary import RunSummary
from tui import settings
from tui.commands import command_for_run
from tui.host import Host, Severity
from tui.run_queue import RunQueue

if TYPE_CHECKING:
    from repro.runs.directory import RunDirectory
    from repro.runs.estimate import Timing
    from repro.runs.store import Store
    from tui.watchers import StoreUpdate, StoreWatcher

UNDELIVERED_SECONDS = 0.05


class Session:
    """One store, seen and acted on."""

    def __init__(self, host: Host, store_path: Path, config_folder: Path | None = None) -> None:
        self._host = host
        self._config_folder = config_folder
        self.store_path = store_path
        self.settings = settings.load(config_folder)
        self.environments = environment_names()
        self.queue = RunQueue(store_path, host, self.running, self.refresh_store)
        self.run_ids: list[str] = []
        self.summaries: dict[str, RunSummary] = {}
        self.store_error: str | None = None
        self.timings: dict[object, Timing] = {}
        self.loaded = False
        self.marked: list[str] = []
        self.deleted: list[str] = []
        self.watcher: StoreWatcher | None = None

    def close(self) -> None:
        """End the watcher and the standby worker; runs and the queue are not affected."""
        if self.watcher is not None:
            self.watcher.stop()
        self.queue.close()

    def say(self, text: str, severity: Severity = "information", seconds: float = 5) -> None:
        """Show a notice."""
        self._host.say(text, severity, seconds)

    # -- the store

    def watch(self, deliver: Callable[[StoreUpdate], bool]) -> None:
        """Watch the store in a thread. `deliver` says whether an update was taken; if not, it comes again."""
        from tui.watchers import StoreWatcher  # the engine's types take 80 ms: after the first paint

        def publish(update: StoreUpdate) -> None:
            while not watcher.is_stopped:
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    if deliver(update):
                        return
                time.sleep(UNDELIVERED_SECONDS)

        self.watcher = watcher = StoreWatcher(self.store_path, self.environments, publish)
        threading.Thread(target=watcher.run, name="store", daemon=True).start()

    def refresh_store(self) -> None:
        """Have the watcher look at the store at once."""
        if self.watcher is not None:
            self.watcher.refresh()

    def apply(self, update: StoreUpdate) -> None:
        """Take over what the watcher saw, with a notice for each run that ended."""
        if update.ids is not None:
            self.run_ids, self.store_error = update.ids, update.error
            self.summaries = {run_id: self.summary(run_id) for run_id in update.ids}
            self.marked = [run_id for run_id in self.marked if run_id in self.summaries]
            self.loaded = True
        for summary in update.summaries:
            before = self.summaries.get(summary.id)
            if before is None:
                continue
            self.summaries[summary.id] = summary
            if before.state == "running" and summary.state != "running":
                self._report_ended(summary)
        if update.tickets is not None:
            self.queue.update(update.tickets)
        self.timings.update((timing.kind, timing) for timing in update.timings)

    def _report_ended(self, run: RunSummary) -> None:
        outcome = run.outcome.replace("_", " ").lower()
        reason = f": {run.reason}" if run.reason and not run.verdict else ""
        is_good = run.verdict == "REPRODUCED" or (run.is_recording and run.state == "finished")
        severity: Severity = "information" if is_good else "warning"
        where = "" if run.is_recording else f" in {run.environment}, seed {run.seed}"
        self.say(f"{run.scenario}{where}: {outcome}{reason}", severity)

    @property
    def store(self) -> Store:
        """The folder of runs."""
        from repro.runs.store import Store

        return Store(self.store_path)

    def run_directory(self, run_id: str) -> RunDirectory:
        """A run of the store."""
        from repro.runs.directory import RunDirectory

        return RunDirectory(self.store_path / run_id)

    def runs(self) -> list[RunSummary]:
        """All runs, newest first."""
        return [self.summaries[run_id] for run_id in self.run_ids]

    def summary(self, run_id: str) -> RunSummary:
        """A run as a row; what its id says if nothing was read of it yet."""
        return self.summaries.get(run_id) or RunSummary.from_id(run_id, self.environments)

    def running(self) -> list[RunSummary]:
        """Runs that are being trained on this machine."""
        return [summary for summary in self.summaries.values() if summary.state == "running"]

    # -- what is done to a run directory itself: stop is a file in it, delete and restore are renames

    def stop_run(self, run_id: str) -> None:
        """Ask a run to keep a checkpoint and end."""
        try:
            self.run_directory(run_id).request_stop()
        except OSError as error:
            self.say(f"the run cannot be asked to stop ({error.strerror})", "error")
        else:
            self.say(f"stopping after this epoch, with a checkpoint  {self.equivalent_command('stop', run_id)}")
        self.refresh_store()

    def stop_sweep(self, sweep_id: str) -> None:
        """Ask a sweep to end; its runs keep checkpoints."""
        from repro.sweep.record import FOLDER, SweepDirectory

        try:
            SweepDirectory(self.store_path / FOLDER / sweep_id).request_stop()
        except OSError as error:
            self.say(f"the sweep cannot be asked to stop ({error.strerror})", "error")
        else:
            self.say("stopping: each run ends its epoch and keeps a checkpoint")

    def stop_everything(self) -> None:
        """Drop the queue and ask all sweeps and runs to end with checkpoints."""
        from repro.sweep.record import sweeps

        self.queue.drop()
        for sweep in sweeps(self.store):
            if sweep.is_running():
                with contextlib.suppress(OSError):
                    sweep.request_stop()
        for run in self.running():
            self.stop_run(run.id)

    def delete_run(self, run: RunSummary) -> None:
        """Move a run to the store's trash; ReproError or OSError if that fails."""
        self.store.delete(self.run_directory(run.id))
        self.deleted.append(run.id)
        self.run_ids = [run_id for run_id in self.run_ids if run_id != run.id]
        self.marked = [run_id for run_id in self.marked if run_id != run.id]
        self.summaries.pop(run.id, None)
        self.refresh_store()

    def restore_run(self) -> None:
        """Take the run that was deleted last out of the trash; OSError if that fails."""
        self.store.restore(self.deleted.pop())
        self.refresh_store()

    # -- the user's own files

    def keep_settings(self) -> None:
        """Write the settings; a folder that cannot be written is no fault."""
        settings.save(self.settings, self._config_folder)

    def toggle_standby(self) -> None:
        """Turn warming up of a worker on or off and remember it."""
        self.settings.warm = not self.settings.warm
        self.keep_settings()
        if self.queue.standby is not None:
            self.queue.standby.is_on = self.settings.warm
        self.say(f"warming up a worker is {'on' if self.settings.warm else 'off'}")

    def equivalent_command(self, command: str, run_id: str) -> str:
        """The command line that does to a run what was just done, for a notice."""
        return f"$ {command_for_run(self.store_path, command, run_id)}"

    def copy_out(self, text: str, subject: str) -> None:
        """Copy text to the terminal's clipboard, which never answers, and always to a file too."""
        if not text:
            return
        self._host.copy_to_clipboard(text)
        file = self.write_file("copied.txt", text + "\n")
        where = f"; also in {file}" if file else ""
        self.say(f"copied {subject}{where}")

    def write_file(self, name: str, text: str) -> Path | None:
        """Write a file into the user's state folder, else the temporary one; None if neither can be written."""
        import tempfile

        import platformdirs

        folders = [Path(tempfile.gettempdir()) / f"repro-{os.getuid()}"]
        with contextlib.suppress(RuntimeError):  # no home
            folders.insert(0, self._config_folder or Path(platformdirs.user_state_dir("repro", appauthor=False)))
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                (folder / name).write_text(text, encoding="utf-8")
                return folder / name
        return None


def environment_names() -> list[str]:
    """Names of the shipped environments, the default first; from the folders, without reading them."""
    names = sorted(file.parent.name for file in shipped.folder("environments").glob("*/environment.yaml"))
    return sorted(names, key=lambda name: name != "keras-3")
