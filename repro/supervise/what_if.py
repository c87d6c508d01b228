"""Asks a traced run what it would have predicted at another momentum, without training.

Momentum does not touch training: with a step's batch statistics and the weights of an epoch, the moving statistics of
every momentum can be replayed, and one forward pass gives the predictions. One worker stays warm for all questions.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from repro.base import scratch
from repro.base.errors import EndedEarlyError, InputError, printable
from repro.environment import check, definition
from repro.environment.record import RECORDED_VARIABLES
from repro.runs import events, layout
from repro.runs.directory import RunDirectory
from repro.runs.grouping import replay_is_exact
from repro.runs.identity import recorded_kernels
from repro.runs.progress import prediction
from repro.runs.records import RunRecord
from repro.scenario import own_model
from repro.scenario.load import shipped_names
from repro.supervise.supervisor import WORKER, path_bytes, plain_scenario, trace_request, worker_variables

Statistics = Literal["moving", "debiased", "re-estimated"]


class Answer(msgspec.Struct, frozen=True):
    """What a run at `momentum` would have given after `epoch`; `exact`: bit for bit, by test."""

    momentum: float
    epoch: int
    statistics: Statistics
    exact: bool
    predict: dict[str, Any]
    evaluate: dict[str, Any]
    seconds: float


def snapshots(run: RunDirectory) -> list[int]:
    """Epochs whose weights a traced run has kept."""
    names = (layout.SNAPSHOT_PATTERN.match(file.name) for file in run.file(layout.WEIGHTS).glob(layout.SNAPSHOTS))
    return sorted(int(name[1]) for name in names if name is not None)


def require_traced(run: RunDirectory) -> RunRecord:
    """The run's record; InputError with the reason where it cannot answer what-if questions."""
    record = run.record()
    if not record.traced:
        name = record.scenario if record.scenario in shipped_names() else "FILE.yaml"
        raise InputError(
            f"the run {run.id} was not traced",
            do=f"train it again: repro run {name} --environment {record.environment} --trace",
        )
    if run.progress().fingerprint.get("batch_norm_layers") == 0:
        raise InputError(f"the model of {run.id} has no BatchNormalization layers", do="momentum changes nothing in it")
    if not snapshots(run):
        raise InputError(f"the run {run.id} has kept no weights yet", do="wait for its first epoch")
    return record


class Oracle:
    """A warm worker with the run's network, trace and weights; use it as a context."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.record = require_traced(run)
        self._labels = [image.label for image in self.record.images]
        self.environment = definition.get(self.record.environment)
        if "plain-averages" not in self.environment.definition.abilities:
            raise InputError(
                f"{self.environment.name} zero-debiases its moving statistics, which what-if does not replay",
                do="trace the scenario in another environment",
            )
        check.require_installed(self.environment)
        self._asked = 0

    def __enter__(self) -> Self:
        scenario = self.run.require_scenario()
        if scenario.model.python is not None:
            file = self.run.file(layout.OWN_MODEL)
            own_model.require_same(file.read_bytes(), self.record.model_sha256, file)
        request = {
            "kind": "what_if",
            "adapter": self.environment.definition.adapter,
            "supervisor": os.getpid(),
            "scenario": plain_scenario(scenario),
            "directory": path_bytes(self.run.path),
            "labels": self._labels,
            "seed": self.record.seed,
            "threads": self.record.threads,
            "device": self.record.device,
            "deterministic": self.record.deterministic,
            "record_variables": list(RECORDED_VARIABLES),
            "trace": trace_request(scenario, self.record),
        }
        self._scratch = contextlib.ExitStack()
        home = self._scratch.enter_context(scratch.folder("what-if"))
        read_end, write_end = os.pipe()
        self._events = os.fdopen(read_end, "rb")
        try:
            self._process = subprocess.Popen(
                [self.environment.python, "-s", "-u", WORKER, str(write_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[write_end],
                env=worker_variables(self.environment, home, self.record.threads, recorded_kernels(self.run)),
                cwd=home,
                start_new_session=True,
            )
        except BaseException:
            self._events.close()
            self._scratch.close()
            raise
        finally:
            os.close(write_end)
        self._send(request)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._events.close()
        self._scratch.close()

    def stop(self) -> None:
        """End the worker, from any thread; a question under way raises EndedEarlyError in its own."""
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        if process is not None:
            process.kill()

    def ask(
        self,
        momentum: float,
        epoch: int,
        statistics: Statistics = "moving",
        *,
        without: Sequence[int] = (),
        batch_size: int | None = None,
    ) -> Answer:
        """One answer; InputError for an epoch without snapshot or a momentum outside 0 to 1.

        Re-estimated statistics may leave images out (`without`: their places) and use batches of another size.
        """
        kept = snapshots(self.run)
        if epoch not in kept:
            raise InputError(f"no weights were kept after epoch {epoch}", do=f"choose from {', '.join(map(str, kept))}")
        if not 0.0 <= momentum <= 1.0:
            raise InputError(f"momentum {momentum} is out of range", do="0 to 1")
        self._asked += 1
        question = {"question": self._asked, "momentum": momentum, "epoch": epoch, "statistics": statistics}
        self._send({**question, "without": list(without), "batch_size": batch_size})
        answered = self._receive()
        predict = prediction(answered.probabilities, self._labels)
        return Answer(
            momentum=momentum,
            epoch=epoch,
            statistics=statistics,
            exact=statistics == "moving" and replay_is_exact(self.environment, self.record.device),
            predict=predict,
            evaluate={"loss": answered.loss, "accuracy": answered.accuracy},
            seconds=answered.seconds,
        )

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")
            self._process.stdin.flush()

    def _receive(self) -> events.Answered:
        for line in self._events:
            event = events.decode(line)
            if isinstance(event, events.Answered):
                return event
            if isinstance(event, events.WorkerFailed):
                raise EndedEarlyError(f"the worker failed ({event.kind}: {printable(event.message)})", do="ask again")
        raise EndedEarlyError("the worker ended without an answer", do="ask again")
