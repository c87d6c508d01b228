"""The runs of a sweep on this machine: a few at once, each with its share of the cores."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from repro.base.errors import ExitCode, ReproError
from repro.runs import reuse
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from repro.sweep import process
from repro.sweep.jobs import Job

TICK_SECONDS = 0.5
POLL_SECONDS = 2.0


class LocalRunner:
    """`workers` runs at once; each in a process of its own, watched by a thread."""

    def __init__(self, store: Store, workers: int) -> None:
        self._store = Store(store.path.absolute())
        self._workers = workers
        self._stopping = threading.Event()
        self._guard = threading.RLock()  # a signal's handler may come while this thread holds it
        self._processes: set[subprocess.Popen[str]] = set()
        self._futures: dict[Future[None], Job] = {}

    def run(self, jobs: list[Job]) -> Iterator[Job | None]:
        """See Runner."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="sweep") as pool:
            self._futures = {pool.submit(self._work, job): job for job in jobs}
            left = set(self._futures)
            while left:
                done, left = wait(left, TICK_SECONDS, FIRST_COMPLETED)
                for future in done:
                    if not future.cancelled():
                        future.result()
                        yield self._futures[future]
                yield None

    def stop(self) -> None:
        """See Runner."""
        self._stopping.set()
        for future in self._futures:
            future.cancel()
        with self._guard:
            for one in self._processes:
                with contextlib.suppress(ProcessLookupError):
                    one.terminate()

    def _work(self, job: Job) -> None:
        try:
            run = self._take(job)
            if run is not None:
                self._supervise(job, run)
        except ReproError as error:
            job.conclude(error.exit_code, str(error))
        except OSError as error:  # no process could be had: the other runs go on
            job.conclude(ExitCode.ENDED_EARLY, f"it could not be started ({error.strerror or error})")

    def _take(self, job: Job) -> RunDirectory | None:
        """The run to go on with or to begin; None where nothing is left to do."""
        while running := self._running(job):
            job.run = running
            if self._stopping.wait(POLL_SECONDS):
                return None
        if self._stopping.is_set() or job.keep(self._store):
            return None
        for run in reuse.find_matching(self._store, job.plan):
            if run.state() in ("interrupted", "stopped") and _has_checkpoint(run):
                job.run, job.how = run, "resumed"
                return run
        run, lock = job.plan.create(self._store)
        lock.close()
        job.run, job.how = run, "trained"
        return run

    def _running(self, job: Job) -> RunDirectory | None:
        """A run that somebody else makes of the same plan: it is waited for, not made twice."""
        runs = reuse.find_matching(self._store, job.plan)
        return next((run for run in runs if run.state() in ("running", "elsewhere")), None)

    def _supervise(self, job: Job, run: RunDirectory) -> None:
        with self._guard:
            if self._stopping.is_set():
                return
            child = process.start(run, signal.SIGTERM)
            self._processes.add(child)
        _, said = child.communicate()
        with self._guard:
            self._processes.discard(child)
        if child.returncode < 0:
            # its worker dies with it; the lock is free at once, the worker's memory a moment later
            time.sleep(TICK_SECONDS)
            job.conclude(ExitCode.ENDED_EARLY, f"its supervisor was killed by {signal.Signals(-child.returncode).name}")
            return
        job.conclude(child.returncode, process.reason(said))


def _has_checkpoint(run: RunDirectory) -> bool:
    try:
        checkpoint = run.progress().checkpoint
    except ReproError:
        return False
    return checkpoint is not None and run.file(checkpoint.file).is_file()
