"""The runs of a sweep on a Dask cluster. Dask places them and moves those of a lost worker; see docs/cluster.md."""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from repro.base.errors import EndedEarlyError, ExitCode, ReproError, UnusableError
from repro.base.text import one_line
from repro.runs.plan import package_sha256
from repro.runs.records import RunRecord
from repro.runs.store import Store
from repro.sweep import remote, transfer
from repro.sweep.jobs import Job

TICK_SECONDS = 0.5
CONNECT_SECONDS = 10
PATIENCE_SECONDS = 60.0
REFUSED_PATIENCE_SECONDS = 5.0  # a cluster that has just been started: the next worker may be the right one
_AGAIN = "the finished runs are kept; the same command goes on"


@dataclass(frozen=True)
class _Flight:
    """A run that was handed to the scheduler, and the workers that may make it."""

    job: Job
    record: RunRecord
    files: dict[str, bytes]
    workers: frozenset[str]


class ClusterRunner:
    """Hands the runs to the workers of an existing scheduler, as many at a time as these have threads of their own."""

    def __init__(self, store: Store, address: str, say: Callable[[str], None]) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise UnusableError(
                "--scheduler needs the package distributed", do="pip install -r requirements-cluster.lock"
            ) from None
        logging.disable(logging.CRITICAL)  # Dask logs tracebacks of a scheduler that is gone: it is told in our words
        warnings.filterwarnings("ignore", module=r"distributed\b")
        self._store = store
        self._address = address
        self._say = say
        self._stopping = False
        self._slots: dict[str, int] = {}
        self._refused: set[str] = set()
        self._was_usable = False
        self._flying: dict[Any, _Flight] = {}
        try:
            asyncio.run(_knock(address))  # a Client that cannot connect leaves more behind than an exception
            self._client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="repro-sweep")
        except (OSError, ValueError, TypeError, LookupError, RuntimeError) as error:
            what = one_line(error, 160) or type(error).__name__
            raise UnusableError(
                f"no Dask scheduler answers at {one_line(address, 80)} ({what})",
                do="check the address (docs/cluster.md)",
            ) from None

    def stop(self) -> None:
        """See Runner."""
        self._stopping = True

    def run(self, jobs: list[Job]) -> Iterator[Job | None]:
        """See Runner. ReproError where the scheduler is gone, or no worker can be used."""
        left = list(reversed(jobs))
        asked = {
            "package_sha256": package_sha256(),
            "locks": {job.plan.environment.name: job.plan.environment.lock_sha256() for job in jobs},
        }
        usable_at = time.monotonic()
        try:
            while (left or self._flying) and not self._stopping:
                self._look_at_workers(asked, jobs[0].plan.threads)
                if self._slots:
                    usable_at, self._was_usable = time.monotonic(), True
                elif time.monotonic() - usable_at > self._patience():
                    self._give_up()
                self._move_the_lost(left)
                while left and len(self._flying) < sum(self._slots.values()):
                    self._send(left.pop(), asked)
                for future in [one for one in self._flying if one.done()]:
                    taken = self._take(future)
                    if taken is None:
                        continue
                    job = self._flying.pop(future).job
                    if taken:
                        yield job
                    else:
                        left.append(job)
                yield None
                time.sleep(TICK_SECONDS)
        except (OSError, asyncio.CancelledError) as error:
            raise self._gone() from error
        finally:
            self._close()

    def _look_at_workers(self, asked: dict[str, Any], threads: int) -> None:
        """Who is there now; each new one is asked whether it is the right one."""
        if self._client.status != "running":
            raise self._gone()
        there = self._client.scheduler_info(n_workers=-1)["workers"]
        self._slots = {address: slots for address, slots in self._slots.items() if address in there}
        new = [address for address in there if address not in self._slots and address not in self._refused]
        if not new:
            return
        for address, answer in self._client.run(remote.fitness, asked, workers=new, on_error="return").items():
            if isinstance(answer, OSError):
                continue  # it went away in the meantime
            if isinstance(answer, BaseException):
                self._refuse(address, "repro is not installed there, or another one")
            elif answer["refused"]:
                self._refuse(address, answer["refused"])
            else:
                self._slots[address] = there[address]["nthreads"]
                if answer["cores"] < threads * self._slots[address]:
                    self._say(
                        f"the worker {one_line(address, 80)} has {answer['cores']} cores for {self._slots[address]} "
                        f"runs of {threads} threads: slow; start it with --nthreads 1, or give --threads"
                    )

    def _patience(self) -> float:
        return REFUSED_PATIENCE_SECONDS if self._refused and not self._was_usable else PATIENCE_SECONDS

    def _refuse(self, address: str, why: str) -> None:
        self._refused.add(address)
        self._slots.pop(address, None)
        self._say(f"the worker {one_line(address, 80)} is refused: {one_line(why, 200)}")

    def _give_up(self) -> None:
        if self._refused:
            what = f"none of the workers at {one_line(self._address, 80)} can be used"
            raise UnusableError(what, do="start them from the same image or checkout as this one")
        raise UnusableError(f"the scheduler at {one_line(self._address, 80)} has no worker", do=_AGAIN)

    def _gone(self) -> EndedEarlyError:
        return EndedEarlyError(f"the Dask scheduler at {one_line(self._address, 80)} is gone", do=_AGAIN)

    def _send(self, job: Job, asked: dict[str, Any]) -> None:
        record, files = job.plan.record(), job.plan.files()
        future = self._client.submit(
            remote.make_run,
            asked,
            msgspec.json.encode(record),
            files,
            key=f"repro-{record.id}",
            pure=False,
            workers=list(self._slots),
            allow_other_workers=False,
        )
        self._flying[future] = _Flight(job, record, files, frozenset(self._slots))

    def _move_the_lost(self, left: list[Job]) -> None:
        """A task whose every allowed worker is gone would wait for ever: it is sent again to those that came since."""
        for future, flight in list(self._flying.items()):
            if self._slots and not future.done() and not flight.workers & self._slots.keys():
                left.append(self._flying.pop(future).job)
                future.cancel()

    def _take(self, future: Any) -> bool | None:
        """Take one task's outcome; False where it has to be sent again, None where it is on its way once more."""
        flight = self._flying[future]
        job = flight.job
        if future.status in ("cancelled", "lost"):
            raise self._gone()
        if future.status == "error":
            error = future.exception()
            name = type(error).__name__
            why = "the workers that tried it died" if name == "KilledWorker" else f"{name}: {error}"
            job.conclude(ExitCode.ENDED_EARLY, one_line(why, 300))
            return True
        try:
            answer = future.result(timeout=CONNECT_SECONDS * 6)
        except TimeoutError:
            return None  # its worker died with the result: Dask makes it again, unless the scheduler is gone
        if "refused" in answer:
            self._refuse(answer["address"], answer["refused"])
            return False
        job.how = "trained"
        try:
            job.run = transfer.received(answer["archive"], flight.record, flight.files, job.plan.scenario, self._store)
            job.conclude(answer["code"], answer["reason"])
        except ReproError as error:
            job.conclude(ExitCode.ENDED_EARLY, str(error))
        return True

    def _close(self) -> None:
        if self._client.status == "running":
            for future in self._flying:
                future.cancel()
        self._client.close(timeout=CONNECT_SECONDS)


async def _knock(address: str) -> None:
    """Connect once, as a client of Dask's configuration does."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=CONNECT_SECONDS, **Security().get_connection_args("client"))
    await comm.close()
