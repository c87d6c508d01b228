"""The supervisor against workers that fail in every way. A small script stands in for the worker."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from repro.base.errors import ExitCode
from repro.base.files import sha256
from repro.environment import definition
from repro.environment.machine import ONEDNN
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.event_log import EventLog
from repro.runs.store import Store
from repro.supervise import supervisor, worker_process
from repro.supervise.supervisor import supervise
from repro.supervise.worker_process import worker_variables
from tests.engine.conftest import Answer
from tests.engine.made_runs import checkpoint, create, epoch, made_supervisor, make, started, write_events
from tests.support import machine

PRELUDE = """\
import json, os, signal, sys, time
channel = int(sys.argv[1])
request = json.loads(sys.stdin.readline())
def send(event, **fields):
    data = (json.dumps(dict(fields, event=event)) + "\\n").encode()
    while data:
        data = data[os.write(channel, data):]
def epoch(number):
    send("epoch_finished", epoch=number, loss=0.5, accuracy=1.0, seconds=0.01)
"""
WHOLE = """\
send("stage_started", stage="fit")
for number in range(request["resume"]["epoch"] if request["resume"] else 0, 3):
    epoch(number + 1)
send("stage_started", stage="measure")
send("predicted", epoch=3, probabilities=[[1.0, 0.0, 0.0]] * 3, call="model.predict")
send("weights_hashed", sha256="0" * 64)
send("training_finished", peak_memory_bytes=1)
"""
STOPPABLE = """\
wanted = []
signal.signal(signal.SIGTERM, lambda *_: wanted.append(1))
send("stage_started", stage="fit")
number = 0
while not wanted:
    number += 1
    epoch(number)
    time.sleep(0.05)
path = os.path.join(request["directory"], "weights", "c.npz")
open(path, "w").write("x")
send("checkpoint_written", epoch=number, file="weights/c.npz", sha256="0", bytes=1, seconds=0.1)
send("training_stopped", epoch=number)
"""


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """keras-3 as an installation whose interpreter is ours."""
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "environments"))
    python = definition.get("keras-3").python
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())
    return python


class Stage:
    """One run with a worker that is a script."""

    def __init__(self, run: RunDirectory, lock: Any) -> None:
        self.run = run
        self.lock = lock
        self.seen: list[events.AnyEvent] = []

    def __call__(self, on_event: Callable[[events.AnyEvent], None] = lambda _: None) -> ExitCode:
        """Supervise to the end; whatever happened, no process and no temporary folder may be left."""

        def note(event: events.AnyEvent) -> None:
            self.seen.append(event)
            on_event(event)

        one = made_supervisor(self.run)
        one.log.close()
        code = supervise(self.run, self.lock, one.record, one.scenario, one.environment, note)
        assert not self.run.is_locked()
        assert not self.run.file("worker-home").exists()
        assert not any(lives(event.pid) for event in self.seen if isinstance(event, events.WorkerStarted))
        return code

    def resume(self) -> ExitCode:
        self.lock = self.run.acquire()
        return self()

    @property
    def reason(self) -> str:
        ended = self.run.progress().ended
        assert ended is not None
        return ended.reason


@pytest.fixture
def stage(
    folder: Path, store: Path, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Stage]:
    """A run that is held, and the script that will be its worker."""

    def make_stage(script: str, place: Path = store) -> Stage:
        worker = tmp_path / "worker.py"
        worker.write_text(PRELUDE + script)
        monkeypatch.setattr(worker_process, "WORKER", worker)
        return Stage(*create(folder, place))

    return make_stage


# -- workers that do as they should, and not --------------------------------------------------------------------------


def test_a_whole_run(stage: Callable[[str], Stage]) -> None:
    one = stage(WHOLE)
    assert one() == 0
    assert one.run.state() == "finished"
    result = one.run.result()
    assert result is not None and result.verdict == "REPRODUCED"
    assert [event.seq for event in one.seen] == list(range(len(one.seen)))
    assert one.run.reader().read() == one.seen
    for name, digest in result.files.items():
        assert sha256(one.run.file(name)) == digest
    kept = {str(path.relative_to(one.run.path)) for path in one.run.path.rglob("*") if path.is_file()}
    assert kept - {"run.lock", "result.json"} == set(result.files)


def test_a_derived_run_whose_training_is_gone(stage: Callable[[str], Stage]) -> None:
    one = stage(WHOLE)
    record = json.loads(one.run.file("run.json").read_bytes())
    one.run.file("run.json").write_text(json.dumps({**record, "derived_from": "20260101T000000.000000Z-gone"}))
    assert one() == ExitCode.ENDED_EARLY
    assert one.run.state() == "failed"
    assert one.reason == "the traced run 20260101T000000.000000Z-gone is gone or did not finish: start this one anew"


FAULTS = {
    "without a word": ("sys.exit(1)", "the worker ended with exit code 1 and no result"),
    "too early": ("send('stage_started', stage='fit'); epoch(1)", "the worker ended with exit code 0 and no result"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "the worker was killed by SIGKILL"),
    "crashed": ("os.kill(os.getpid(), signal.SIGSEGV)", "the worker was killed by SIGSEGV"),
    "an exception": ("send('worker_failed', kind='ValueError', message='bad\\nthing')", "ValueError: bad"),
    "garbage": ("os.write(channel, b'hello\\n'); time.sleep(60)", "sent something that is no event"),
    "not UTF-8": ("os.write(channel, b'\\xff\\n'); time.sleep(60)", "sent something that is no event"),
    "unknown event": ("send('party'); time.sleep(60)", "sent something that is no event"),
    "deep": (
        'data = b\'{"event":"environment_probed","record":{"a":\' + b\'[\' * 200000 + b\'\\n\'\n'
        "while data: data = data[os.write(channel, data):]\ntime.sleep(60)",
        "sent something that is no event",
    ),
    "a line of 20 MB": ("send('warned', message='x' * 20_000_000); time.sleep(60)", "a line that is too long"),
    "hangs without events": ("os.close(channel); time.sleep(60)", "closed its pipes, did not end, and was killed"),
    "hangs without pipes": (
        "os.close(channel); os.close(1); os.close(2); time.sleep(60)",
        "closed its pipes, did not end, and was killed",
    ),
    "does not read": ("", "the worker ended with exit code 0 and no result"),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", FAULTS)
def test_faults(stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(supervisor, "STOP_GRACE_SECONDS", 0.5)
    script, reason = FAULTS[fault]
    one = stage(script)
    if fault == "does not read":
        worker_process.WORKER.write_text("")
    assert one() == 4
    assert one.run.state() == "failed"
    assert reason in one.reason and one.reason.isprintable()
    assert one.run.result() is None


def test_device_that_is_not_there(stage: Callable[[str], Stage]) -> None:
    one = stage("send('worker_failed', kind='DeviceAbsentError', message='no GPU')")
    assert one() == 3
    assert one.run.state() == "failed" and one.reason == "DeviceAbsentError: no GPU"


def test_interpreter_that_vanished(stage: Callable[[str], Stage], installed: Path) -> None:
    one = stage(WHOLE)
    installed.unlink()
    assert one() == 4
    assert one.run.state() == "failed" and "python: No such file" in one.reason


def test_the_log_is_capped(stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "MAX_LOG_BYTES", 100_000)
    one = stage("sys.stdout.buffer.write(b'a line of output\\n' * 1_000_000); sys.stdout.flush()\n" + WHOLE)
    assert one() == 0
    log = one.run.file("worker.log").read_bytes()
    assert log.startswith(b"a line of output\n") and len(log) < 100_100
    assert log.endswith(b"[the log is full: the rest was dropped]\n")


def test_standard_error_goes_to_the_log_and_events_do_not(stage: Callable[[str], Stage]) -> None:
    one = stage("print('{\"event\": \"run_ended\"}'); print('oh', file=sys.stderr)\n" + WHOLE)
    assert one() == 0
    assert one.run.file("worker.log").read_text() == '{"event": "run_ended"}\noh\n'


def test_many_events(stage: Callable[[str], Stage]) -> None:
    one = stage("for i in range(5000): send('warned', message=str(i))\n" + WHOLE)
    assert one() == 0
    assert one.run.progress().warnings == [str(i) for i in range(5000)]


# -- stopping ---------------------------------------------------------------------------------------------------------


def after_epoch(number: int, do: Callable[[], object]) -> Callable[[events.AnyEvent], None]:
    def on_event(event: events.AnyEvent) -> None:
        if isinstance(event, events.EpochFinished) and event.epoch == number:
            do()

    return on_event


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals(stage: Callable[[str], Stage], number: signal.Signals) -> None:
    one = stage(STOPPABLE)
    before = signal.getsignal(number)
    assert one(after_epoch(2, lambda: os.kill(os.getpid(), number))) == 4
    assert one.run.state() == "interrupted"
    assert one.reason.startswith(f"by {number.name}; kept after epoch ")
    assert signal.getsignal(number) is before


def test_a_run_goes_on_when_whoever_listened_has_gone(stage: Callable[[str], Stage]) -> None:
    def gone(_: events.AnyEvent) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    one = stage(WHOLE)
    assert one(gone) == 0
    assert one.run.state() == "finished"


def test_the_file_stop(stage: Callable[[str], Stage]) -> None:
    one = stage(STOPPABLE)
    assert one(after_epoch(2, one.run.request_stop)) == 4
    assert one.run.state() == "stopped"
    assert one.reason.startswith("on request; kept after epoch ")
    assert not one.run.file("stop").exists()


def test_a_stop_before_training_ends_at_once(stage: Callable[[str], Stage]) -> None:
    one = stage("signal.signal(signal.SIGTERM, signal.SIG_IGN); send('stage_started', stage='import'); time.sleep(60)")

    def on_event(event: events.AnyEvent) -> None:
        if isinstance(event, events.StageStarted):
            one.run.request_stop()

    assert one(on_event) == 4
    assert (one.run.state(), one.reason) == ("stopped", "on request; nothing kept yet")


@pytest.mark.parametrize("signals", [1, 2])
def test_a_worker_that_will_not_go(
    stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch, signals: int
) -> None:
    """One signal: it is killed when its time is over. Two: at once."""
    monkeypatch.setattr(supervisor, "STOP_GRACE_SECONDS", 0.5 if signals == 1 else 1000.0)
    one = stage(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsend('stage_started', stage='fit'); epoch(1); time.sleep(60)"
    )

    def send() -> None:
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGTERM)

    assert one(after_epoch(1, send)) == 4
    assert (one.run.state(), one.reason) == ("interrupted", "by SIGTERM; nothing kept yet")


def test_a_stop_that_comes_too_late_changes_nothing(stage: Callable[[str], Stage]) -> None:
    one = stage(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + WHOLE.replace('send("weights', 'time.sleep(1)\nsend("weights')
    )
    assert one(after_epoch(3, one.run.request_stop)) == 0
    assert one.run.state() == "finished" and not one.run.file("stop").exists()


@pytest.mark.parametrize("by", ["SIGINT", "the file stop"])
def test_a_stop_while_the_result_is_written_is_told(stage: Callable[[str], Stage], by: str) -> None:
    """Whoever makes several runs begins no more; the files of this one say nothing of it."""
    one = stage(WHOLE)

    def ask(event: events.AnyEvent) -> None:
        if isinstance(event, events.RunEnded):
            one.run.request_stop() if by == "the file stop" else os.kill(os.getpid(), signal.SIGINT)

    assert one(ask) == 0
    last = one.seen.pop()
    assert isinstance(last, events.StopRequested) and last.by == by
    assert one.run.reader().read() == one.seen and one.run.state() == "finished"
    assert not one.run.file("stop").exists()


# -- resuming ---------------------------------------------------------------------------------------------------------


def test_resume_goes_on_behind_a_torn_line(stage: Callable[[str], Stage]) -> None:
    one = stage("send('stage_started', stage='fit'); epoch(1); sys.exit(1)")
    assert one() == 4
    whole = one.run.file("events.jsonl").read_bytes()
    one.run.file("events.jsonl").write_bytes(whole + b'{"event":"heartb')
    worker_process.WORKER.write_text(PRELUDE + WHOLE)
    assert one.resume() == 0
    happened = one.run.reader().read()
    assert [event.seq for event in happened] == list(range(len(happened)))
    assert one.run.file("events.jsonl").read_bytes().startswith(whole)
    assert one.run.progress().attempt == 2
    result = one.run.result()
    assert result is not None and result.measurements["fit"]["loss"] == [0.5] * 3


def test_resume_reads_a_log_as_every_reader_does(stage: Callable[[str], Stage]) -> None:
    one = stage("send('stage_started', stage='fit'); epoch(1); sys.exit(1)")
    assert one() == 4
    whole = one.run.file("events.jsonl").read_bytes()
    one.run.file("events.jsonl").write_bytes(b"\n" + whole + b"\n\n")
    worker_process.WORKER.write_text(PRELUDE + WHOLE)
    assert one.resume() == 0
    happened = one.run.reader().read()
    assert [event.seq for event in happened] == list(range(len(happened)))


def environ(monkeypatch: pytest.MonkeyPatch, onednn: str | None) -> None:
    monkeypatch.delenv(ONEDNN, raising=False)
    if onednn is not None:
        monkeypatch.setenv(ONEDNN, onednn)


@pytest.mark.parametrize(("then", "now"), [("0", None), (None, "0"), ("1", "0")])
def test_resume_goes_on_with_the_kernels_that_the_run_began_with(
    stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch, then: str | None, now: str | None
) -> None:
    """The third attempt too, whose first one ended before it wrote its record."""
    says = f"send('warned', message=str(os.environ.get({ONEDNN!r})))\n"
    probe = "send('environment_probed', record={'facts': {'variables': dict(os.environ)}})\n"
    one = stage("sys.exit(1)")
    environ(monkeypatch, now)
    assert one() == 4
    environ(monkeypatch, then)
    worker_process.WORKER.write_text(
        PRELUDE + says + probe + "send('stage_started', stage='fit'); epoch(1); sys.exit(1)"
    )
    assert one.resume() == 4
    environ(monkeypatch, now)
    worker_process.WORKER.write_text(PRELUDE + says + probe + WHOLE)
    assert one.resume() == 0
    assert one.run.progress().warnings == [str(then)] * 2
    assert {file.name for file in one.run.path.glob("environment*")} == {"environment.json", "environment-3.json"}


def test_a_derived_run_has_the_kernels_of_its_training(folder: Path, store: Path) -> None:
    source, run = make(folder, store, started()), make(folder, store, started())
    record = json.loads(run.file("run.json").read_bytes())
    run.file("run.json").write_text(json.dumps({**record, "derived_from": source.id}))
    one = made_supervisor(run)
    one.log.close()
    assert one._kernels() is None
    source.file("environment.json").write_text(json.dumps({"format": 1, "facts": {"variables": {ONEDNN: "0"}}}))
    assert one._kernels() == {ONEDNN: "0"}


@pytest.mark.parametrize("state", ["whole", "damaged", "missing"])
def test_resume_uses_a_whole_checkpoint_only(stage: Callable[[str], Stage], state: str) -> None:
    one = stage(STOPPABLE)
    file = one.run.file("weights/c.npz")
    one.lock.close()
    file.write_text("x")
    with one.run.file("events.jsonl").open("wb") as stream:
        for seq, event in enumerate([started(), epoch(1), epoch(2), checkpoint(2, "weights/c.npz", sha256(file))]):
            stream.write(events.encode(msgspec.structs.replace(event, seq=seq)))
    if state == "damaged":
        file.write_text("y")
    elif state == "missing":
        file.unlink()
    asks = "send('warned', message='asked: %s' % request['resume'])\n"
    worker_process.WORKER.write_text(PRELUDE + asks + WHOLE)
    assert one.resume() == 0
    warnings = one.run.progress().warnings
    expected = {"epoch": 2, "file": "weights/c.npz"} if state == "whole" else None
    assert warnings[-1] == f"asked: {expected}"
    assert ("the checkpoint of epoch 2 is damaged: starting anew" in warnings) == (state == "damaged")
    result = one.run.result()
    assert result is not None and len(result.measurements["fit"]["loss"]) == 3


def test_a_result_is_never_taken_from_the_attempt_before(stage: Callable[[str], Stage]) -> None:
    """The first attempt was over but for its result; the second one began to train again, and so does the third."""
    one = stage(WHOLE)
    one()
    one.run.file("result.json").unlink()
    write_events(one.run, started(attempt=2))
    worker_process.WORKER.write_text(PRELUDE + "sys.exit(1)")
    assert one.resume() == 4
    assert one.run.state() == "failed" and one.run.result() is None


def test_event_log_takes_a_half_written_line_back(folder: Path, store: Path) -> None:
    run = make(folder, store, started())
    log = EventLog(run, lambda _: None)
    real = log._stream

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def write(self, data: memoryview) -> int:
            if len(data) < 20:
                raise OSError(28, "No space left on device")
            return real.write(data[:-10]) or 0

    log._stream = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match="No space"):
        log.add(events.Warned(message="this does not fit"))
    log._stream = real
    log.add(epoch(1))
    log.close()
    happened = run.reader().read()
    assert [type(event).__name__ for event in happened] == ["RunStarted", "EpochFinished"]
    assert [event.seq for event in happened] == [0, 1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_store_that_fills_up_while_training(
    folder: Path, small_disk: Path, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(PRELUDE + "epoch(1)\nwhile True: send('warned', message='x' * 3001)")
    monkeypatch.setattr(worker_process, "WORKER", worker)
    one = Stage(*create(folder, small_disk / "store"))
    assert one() == 4
    ended = one.seen[-1]
    assert isinstance(ended, events.RunEnded) and ended.state == "failed"
    assert "No space left on device" in ended.reason
    assert one.run.state() in ("failed", "interrupted")
    assert one.run.progress().epoch == 1
    assert Store(small_disk / "store").runs() == [one.run]


def test_why_a_run_did_not_finish_is_said_in_one_line(
    repro: Callable[..., Answer], folder: Path, store: Path, installed: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(PRELUDE + "sys.exit(7)")
    monkeypatch.setattr(worker_process, "WORKER", worker)
    monkeypatch.setattr("repro.runs.planning.environment_check.drift", lambda _: [])
    answer = repro("run", folder / "s.yaml", "--json", "--seed", "0:2")
    assert answer.code == 4
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert [(row["state"], row["verdict"], row["seed"]) for row in rows] == [("failed", None, 0), ("failed", None, 1)]
    said = [line for line in answer.err.splitlines() if line.startswith("repro: ")]
    assert len(said) == 2
    assert f"the run {rows[0]['run']} failed (the worker ended with exit code 7 and no result): see " in said[0]
    assert "worker.log" in said[0]


# -- what the worker gets, and when it goes ---------------------------------------------------------------------------


def test_the_users_variables_do_not_reach_the_worker(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONPATH", "TF_XLA_FLAGS", "XLA_FLAGS", "KERAS_BACKEND", "SECRET", "LD_PRELOAD", "HOME", "TMPDIR"):
        monkeypatch.setenv(name, "the user's")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    found = worker_variables(definition.get("tf-keras"), tmp_path, 3)
    assert "the user's" not in found.values()
    assert found["HOME"] == found["KERAS_HOME"] == found["TMPDIR"] == str(tmp_path)
    assert found["PYTHONHASHSEED"] == "0" and found["PYTHONNOUSERSITE"] == "1"
    assert found["KERAS_BACKEND"] == "tensorflow" and found["TF_USE_LEGACY_KERAS"] == "1"
    assert found["OMP_NUM_THREADS"] == "3" and found["CUDA_VISIBLE_DEVICES"] == "1"


def test_the_worker_dies_with_its_supervisor(folder: Path, store: Path, installed: Path, tmp_path: Path) -> None:
    """With the real worker's own `die_with`: the supervisor is killed outright."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        PRELUDE
        + f"""
import importlib.util
spec = importlib.util.spec_from_file_location("worker_main", {str(worker_process.WORKER / "__main__.py")!r})
main = importlib.util.module_from_spec(spec)
spec.loader.exec_module(main)
main.load_package()
from repro_worker.session import die_with
die_with(request["supervisor"])
send("stage_started", stage="fit")
time.sleep(120)
"""
    )
    run, lock = create(folder, store)
    lock.close()
    code = f"""
import sys
from pathlib import Path
from repro.supervise import supervisor, worker_process
from repro.runs.directory import RunDirectory
from repro.runs.event_log import EventLog
from tests.engine.made_runs import made_supervisor
worker_process.WORKER = Path({str(worker)!r})
run = RunDirectory(Path({str(run.path)!r}))
lock = run.acquire()
one = made_supervisor(run)
supervisor.supervise(run, lock, one.record, one.scenario, one.environment)
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    try:
        deadline = time.monotonic() + 30
        while "stage_started" not in (
            run.file("events.jsonl").read_text() if run.file("events.jsonl").exists() else ""
        ):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        assert run.state() == "running"
        pid = next(event.pid for event in run.reader().read() if isinstance(event, events.WorkerStarted))
        assert lives(pid)
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(pid)
    assert run.state() == "interrupted"
    assert run.file("worker-home").exists()  # nobody was left to remove it; a resume does


def test_a_worker_whose_supervisor_is_gone_already_ends(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-u", worker_process.WORKER, str(write_end)],
            input=json.dumps({"kind": "probe", "supervisor": 1, "adapter": "none"}).encode() + b"\n",
            pass_fds=[write_end],
            capture_output=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(write_end)
        os.close(read_end)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_the_worker_compiles_under_python_3_6() -> None:
    python = machine.find_python("3.6")
    if python is None:
        pytest.skip("no Python 3.6 is here to compile the worker with")
    sources = sorted(worker_process.WORKER.rglob("*.py"))
    assert len(sources) > 10
    check = "import sys\nfor name in sys.argv[1:]: compile(open(name, encoding='utf-8').read(), name, 'exec')"
    done = subprocess.run([python, "-c", check, *sources], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
