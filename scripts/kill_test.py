"""Kills every kind of process with SIGKILL at random moments of real runs, and looks at what is left afterwards.

    python -m scripts.kill_test --count 200 [--seed 0] [--at-most N] [--result docs/evidence/kill-test.json]

Trains a small model of one's own in keras-3. After each kill: every run has ended in a state that is not `running`, a
finished run's files have their hashes, no process, lock, socket or temporary file is left once the next command has
swept, the terminal has the modes it had. Every interrupted run is resumed in the end and must give the weights, bit
for bit, of a run that nobody interrupted. Exit code 1 where anything of this was not so.

The plan depends on the seed alone; the result holds the kills so far, and the same command goes on behind them, with
`--at-most` for N kills only.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro.base import scratch
from repro.base.files import sha256, write_durably
from repro.runs import events, layout
from repro.runs.directory import RunDirectory
from repro.runs.store import ABANDONED_SECONDS, NEW_PREFIX, PROBE_PREFIX, Store
from tests.support import synthetic_faults

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_END = 60.0
EPOCHS = 12
SCENARIO = f"""\
format: 1
name: kill-test
title: A small model that is interrupted
group: control
about: Trained while processes are killed.
images: {{directory: images, layout: folder-per-class, size: [16, 16], channels: 1}}
model: {{python: model.py, classes: 2}}
compile: {{optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}}
fit: {{epochs: {EPOCHS}}}
measure: [evaluate, predict, evaluate_training_phase]
measure_at: [4]
claims: []
"""
# A sweep trains no code of the user's: a network of Keras's, on the shipped images made small.
SWEPT = """\
format: 1
name: swept
title: A network of Keras's that is interrupted
group: control
about: Trained while processes are killed.
images: {directory: images, size: [32, 32], channels: 1}
model: {application: MobileNet, classes: 3}
compile: {optimizer: sgd, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 3}
measure: [evaluate, predict]
claims: []
"""
# Whom to kill, and when. Of ten kills in a row each is one; a run is resumed for the next of them until it is finished.
RUN_MOMENTS = ("starting", "import", "build", "fit", "checkpoint", "measure", "hash", "result")
PLAN: tuple[tuple[str, str], ...] = (
    ("supervisor", "starting"),
    ("worker", "import"),
    ("screen", "open"),
    ("supervisor", "fit"),
    ("worker", "checkpoint"),
    ("supervisor", "result"),
    ("export", "writing"),
    ("supervisor", "import"),
    ("worker", "fit"),
    ("screen", "starting"),
    ("supervisor", "checkpoint"),
    ("worker", "measure"),
    ("what-if", "asking"),
    ("queue", "working"),
    ("supervisor", "build"),
    ("worker", "starting"),
    ("supervisor", "hash"),
    ("screen", "with a run"),
    ("supervisor", "measure"),
    ("container", "running"),
    ("sweep", "running"),
    ("worker", "build"),
    ("dask worker", "running"),
    ("worker", "hash"),
)
# What a short round (make test-all) leaves out: what takes longest, and what needs more than keras-3.
SLOW = {"container", "dask worker", "sweep", "queue"}
SOON = {"starting": 0.8, "import": 2.5, "build": 0.4, "fit": 1.2, "measure": 0.25, "hash": 0.02, "result": 0.03}


@dataclass
class Kill:
    """One kill and what was found after it."""

    victim: str
    moment: str
    run: str | None = None
    state: str = "-"
    resumed: bool = False
    faults: list[str] = field(default_factory=list)


class Missed(Exception):  # noqa: N818 (no error: the process was quicker)
    """The process had ended before it could be killed."""


def until(look: Callable[[], object], seconds: float = SECONDS_TO_END) -> bool:
    """Whether something came to be so in time."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Ground:
    """A folder with a store, a scenario and all temporary files; nothing in it may outlive what was killed."""

    def __init__(self, folder: Path, rng: random.Random) -> None:

        self.folder = folder
        self.rng = rng
        self.store = Store(folder / "a store" / "rüns")
        self.file = folder / "scenario" / "kill-test.yaml"
        synthetic_faults.draw(self.file.parent)
        self.file.write_text(SCENARIO, encoding="utf-8")
        shutil.copy(ROOT / "tests/support/programs/own_model.py", self.file.parent / "model.py")
        self.swept = folder / "swept" / "swept.yaml"
        shutil.copytree(ROOT / "scenarios/images", self.swept.parent / "images")
        self.swept.write_text(SWEPT, encoding="utf-8")
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        os.environ |= {
            "TMPDIR": str(self.temporary),
            "REPRO_CHECKPOINT_SECONDS": "0",
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "TERM": "xterm-256color",
        }
        tempfile.tempdir = str(self.temporary)
        self.open: str | None = None  # the run that goes on with the next kill
        self.reference: dict[bool, str] = {}

    # -- commands

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """One command line on the store, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "repro", "--store", str(self.store.path), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=ROOT,
        )

    def repro(self, *arguments: str) -> tuple[int, str, str]:
        """One command line to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        return process.returncode, out.decode(), err.decode()

    @property
    def run_arguments(self) -> list[str]:
        """What starts a run; every other one is traced."""
        trace = ["--trace"] if self.rng.random() < 0.5 else []
        return ["run", str(self.file), "--trust", "--again", "--plain", "--json", *trace]

    def newest(self) -> RunDirectory | None:
        """The run that was made last."""
        latest = self.store.latest()
        return RunDirectory(self.store.path / latest) if latest else None

    def weights(self, run: RunDirectory) -> str:
        """Hash of the final weights of a finished run; "" of others."""
        result = run.result()
        return "" if result is None else str(result.measurements["weights_sha256"])

    # -- what was left

    def processes(self) -> list[str]:
        """Command lines of processes that have to do with the folder; not this one's."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            if int(place.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if (place / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    continue
                command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                about = command + str((place / "cwd").readlink()) + (place / "environ").read_text(errors="replace")
                if str(self.folder) in about:
                    found.append(command[:200])
        return found

    def files_left(self) -> list[str]:
        """Half-written and temporary files and sockets, after what every command that writes does first."""
        for hidden in self.store.path.glob(f"{NEW_PREFIX}*"):
            old = time.time() - ABANDONED_SECONDS - 1
            os.utime(hidden, (old, old))
        self.store.check_writable()
        scratch.sweep()
        found = [path for path in self.temporary.iterdir() if not path.name.startswith("dask")]
        for path in self.store.path.rglob("*"):
            odd = path.name.endswith((".part", ".new")) or path.name.startswith((NEW_PREFIX, PROBE_PREFIX))
            if odd or path.name in (layout.WORKER_HOME, layout.STOP_REQUEST) or stat.S_ISSOCK(path.lstat().st_mode):
                found.append(path)
        found += list(self.folder.glob(".*.part"))
        return [str(path.relative_to(self.folder)) for path in found]

    def examine(self, kill: Kill) -> None:
        """Write down every promise that was broken."""
        if not until(lambda: not self.processes()):
            kill.faults.append(f"processes are left: {self.processes()}")
        code, out, err = self.repro("runs", "--json")
        if code != 0 or err:
            kill.faults.append(f"repro runs: exit {code}, {err.strip()}")
            return
        for one in json.loads(out)["runs"]:
            if one["state"] not in ("finished", "failed", "interrupted"):
                kill.faults.append(f"{one['run']} is {one['state']} ({one.get('reason')})")
            if one["run"] == (self.open if kill.victim in ("supervisor", "worker") else kill.run):
                kill.state = one["state"]
        for run in self.store.runs():
            if run.is_locked():
                kill.faults.append(f"{run.id} is locked")
            if (result := run.result()) is not None:
                wrong = [name for name, digest in result.files.items() if sha256(run.file(name)) != digest]
                kill.faults += [f"{run.id}: {name} has another hash" for name in wrong]
        kill.faults += [f"left behind: {name}" for name in self.files_left()]

    def finish_open(self) -> list[str]:
        """Resume the open run to its end; what was wrong with it."""
        run_id, self.open = self.open, None
        if run_id is None:
            return []
        run = RunDirectory(self.store.path / run_id)
        if run.result() is None:
            code, _, err = self.repro("resume", run_id, "--plain", "--json")
            if code not in (0, 1):
                return [f"{run_id} could not be resumed: exit {code}, {err.strip().splitlines()[-1:]}"]
        faults = []
        traced = run.record().traced
        if self.weights(run) != self.reference[traced]:
            faults.append(f"{run_id} has other weights than a run that was never interrupted")
        kept = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
        result = run.result()
        if result is not None and kept - {layout.LOCK, layout.RESULT} != set(result.files):
            faults.append(f"{run_id}: its result does not list its files")
        return faults

    # -- kills of a run's own processes

    def kill_in_run(self, kill: Kill) -> None:
        """Start or resume a run and kill its supervisor or its worker at the moment."""
        before = self.store.latest()
        process = self.start(*(["resume", self.open, "--plain", "--json"] if self.open else self.run_arguments))
        said = _Drained(process)
        try:
            run = self._await_moment(kill, process, before)
            if kill.victim == "supervisor":
                pid = process.pid
            else:
                assert run is not None
                pid = [event.pid for event in run.reader().read(1 << 30) if isinstance(event, events.WorkerStarted)][-1]
            if process.poll() is not None:
                raise Missed
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                raise Missed from None
        finally:
            code = process.wait()
            text = said.text()
        if "Traceback" in text or "defect" in text:
            kill.faults.append(f"said: {text[-300:]}")
        if kill.victim == "worker" and code != 4 and self.weights(run) == "":
            kill.faults.append(f"the worker was killed and the exit code is {code}")
        latest = self.store.latest()
        self.open = self.open or (latest if latest != before else None)

    def _await_moment(self, kill: Kill, process: subprocess.Popen[bytes], before: str) -> RunDirectory | None:
        """Wait until it is time to kill; Missed where the process ended first."""
        delay = self.rng.uniform(0, SOON.get(kill.moment, 0.0))
        if kill.moment == "starting" and kill.victim == "supervisor":
            time.sleep(delay)
            return None
        run: RunDirectory | None = None
        offset = 0
        if self.open:
            run = RunDirectory(self.store.path / self.open)
            offset = len(run.file(layout.EVENTS).read_bytes()) if run.file(layout.EVENTS).exists() else 0
        epoch = self.rng.randrange(1, EPOCHS - 4)
        while process.poll() is None:
            if run is None and self.store.latest() != before:
                run = self.newest()
            if run is not None and run.file(layout.EVENTS).exists():
                fresh = run.file(layout.EVENTS).read_bytes()[offset:]
                if self._is_time(kill.moment, fresh, epoch, run):
                    time.sleep(delay)
                    return run
            time.sleep(0.002)
        raise Missed

    def _is_time(self, moment: str, fresh: bytes, epoch: int, run: RunDirectory) -> bool:
        match moment:
            case "starting":
                return b'"worker_started"' in fresh
            case "fit":
                return fresh.count(b'"epoch_finished"') >= epoch % 5
            case "checkpoint":
                ready = fresh.count(b'"checkpoint_written"') >= epoch % 5
                return ready and any(run.file(layout.WEIGHTS).glob("*.part"))
            case "result":
                return b'"training_finished"' in fresh
            case _:
                return f'"stage":"{moment}"'.encode() in fresh

    # -- the others

    def kill_screen(self, kill: Kill) -> None:
        """The terminal UI on a terminal of its own, now and then with a run that goes on without it."""
        from repro.queue import tickets
        from tests.support.terminal import Terminal, left_on

        with_run = kill.moment == "with a run"
        if with_run:
            tickets.add(self.store.path, str(self.file), "keras-3", 0, self.run_arguments)
            tickets.start_working(self.store.path)
        screen = Terminal(["-m", "repro", "--store", str(self.store.path)], dict(os.environ))
        try:
            time.sleep(self.rng.uniform(0.0, 0.7) if kill.moment == "starting" else self.rng.uniform(0.7, 3.0))
            screen.read()
            screen.process.kill()
            screen.process.wait()

            def is_whole() -> bool:
                return not left_on(screen.read()) and termios.tcgetattr(screen.side)[:6] == screen.before[:6]

            if not until(is_whole, 5):
                kill.faults.append(f"the terminal has modes on: {left_on(screen.output)}")
        finally:
            screen.close()
        if with_run and not until(lambda: not tickets.is_worked_on(self.store.path), 120):
            kill.faults.append("the queue does not end")

    def kill_queue(self, kill: Kill) -> None:
        """The process that works the queue off: its run goes on, and the queue can be worked off again."""
        from repro.queue import tickets

        before = self.store.latest()
        tickets.add(self.store.path, str(self.file), "keras-3", 0, self.run_arguments)
        worker = subprocess.Popen(
            [sys.executable, "-m", "repro.queue.tickets", str(self.store.path)], env=tickets.variables()
        )
        if not until(lambda: self.store.latest() != before):
            kill.faults.append("the queue starts no run")
        time.sleep(self.rng.uniform(0, 4))
        worker.kill()
        worker.wait()
        if any(ticket.started for ticket in tickets.tickets(self.store.path)):
            kill.faults.append("a ticket stands as started for ever")
        run = self.newest()
        kill.run = run.id if run is not None else None
        if run is None or not until(lambda: not run.is_locked(), 120) or run.state() != "finished":
            kill.faults.append("the run did not go on without its queue")
        for ticket in tickets.tickets(self.store.path):
            tickets.cancel(self.store.path, ticket.name)

    def kill_export(self, kill: Kill) -> None:
        """An export; what it wrote is whole or not there."""
        target = self.folder / "b.zip"
        target.unlink(missing_ok=True)
        process = self.start("export", "last", "-o", str(target))
        time.sleep(self.rng.uniform(0.1, 0.9) * self._export_seconds())
        self._kill(process)
        if target.exists() and self.repro("verify", str(target), "--no-run", "--trust")[0] != 0:
            kill.faults.append("half a bundle was left")
        target.unlink(missing_ok=True)
        code, _, err = self.repro("export", "last", "-o", str(target))
        if code != 0:
            kill.faults.append(f"the next export: {err.strip()}")

    @functools.cache  # noqa: B019 (one ground a process)
    def _export_seconds(self) -> float:
        """How long a whole export takes here."""
        target = self.folder / "whole.zip"
        begun = time.monotonic()
        self.repro("export", "last", "-o", str(target))
        target.unlink()
        return time.monotonic() - begun

    def kill_what_if(self, _: Kill) -> None:
        """A what-if question; its worker ends with it."""
        process = self.start("what-if", self._traced(), "--momentum", "0.5,0.9")
        time.sleep(self.rng.uniform(0.2, 5.0))
        self._kill(process)

    def kill_sweep(self, kill: Kill) -> None:
        """A sweep on this machine: its run keeps a checkpoint, and the same command goes on."""
        seed = str(self.rng.randrange(1, 1 << 30))
        arguments = ("sweep", str(self.swept), "--seeds", seed, "--json")
        before = self.store.latest()
        process = self.start(*arguments)
        until(lambda: self.store.latest() != before or process.poll() is not None)
        time.sleep(self.rng.uniform(0, 9))
        self._kill(process)
        run = self.newest()
        kill.run = run.id if run is not None else None
        until(lambda: not self.processes())
        self._go_on(kill, arguments)

    def kill_dask_worker(self, kill: Kill) -> None:
        """A worker of a cluster: another one makes its run."""
        from tests.support.cluster import Cluster

        cluster = Cluster(self.folder / "cluster")
        seed = str(self.rng.randrange(1, 1 << 30))
        arguments = ("sweep", str(self.swept), "--seeds", seed, "--json", "--scheduler", cluster.address)
        try:
            lost = cluster.worker()
            process = self.start(*arguments)
            said = _Drained(process)
            time.sleep(self.rng.uniform(2, 12))
            if process.poll() is not None:
                raise Missed
            lost.kill()
            lost.wait()
            cluster.worker()
            code = process.wait(120)
            found = json.loads(said.output())["groups"][0]["runs"]
            if code not in (0, 1) or [run["state"] for run in found] != ["finished"]:
                kill.faults.append(f"the sweep ended with {code}: {said.text()[-300:]}")
        finally:
            cluster.close()
            until(lambda: not self.processes(), 20)
            shutil.rmtree(self.folder / "cluster")

    def kill_container(self, kill: Kill) -> None:
        """A container with a run: its store is read, and its run resumed, in another one."""
        self.open = None
        name = f"repro-kill-test-{os.getpid()}"
        container = functools.partial(_docker, "run", "--network", "none", "--read-only", "--tmpfs", "/tmp")
        container = functools.partial(container, "--user", f"{os.getuid()}:{os.getgid()}", "--init")
        container = functools.partial(container, "-e", "REPRO_CHECKPOINT_SECONDS=0", "-v", f"{self.store.path}:/runs")
        container = functools.partial(container, "-v", f"{self.file.parent}:/scenario:ro")
        before = self.store.latest()
        container("-d", "--name", name, "repro:cpu", "run", "/scenario/kill-test.yaml", "--trust", "--again")
        try:
            until(lambda: self.store.latest() != before)
            time.sleep(self.rng.uniform(0, 8))
            _docker("kill", "--signal", "KILL", name)
        finally:
            _docker("rm", "--force", name)
        run = self.newest()
        kill.run = run.id if run is not None else None
        if run is not None and run.result() is None:
            done = container("--rm", "repro:cpu", "resume", run.id, "--plain")
            if run.state() != "finished":
                kill.faults.append(f"{run.id} could not be resumed: {done[-300:]}")
            kill.resumed = True

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            process.communicate()
            raise Missed
        process.kill()
        process.communicate()

    def _go_on(self, kill: Kill, arguments: tuple[str, ...]) -> None:
        code, out, err = self.repro(*arguments)
        if code not in (0, 1) or [run["state"] for run in json.loads(out)["groups"][0]["runs"]] != ["finished"]:
            kill.faults.append(f"the same command: exit {code}, {err.strip()[-300:]}")
        kill.resumed = True

    def _traced(self) -> str:
        return next(run.id for run in reversed(self.store.runs()) if run.record().traced and run.result() is not None)

    def prepare(self) -> None:
        """Two runs that nobody interrupts, one of them traced: what the others are compared with."""
        for options in ([], ["--trace"]):
            code, _, err = self.repro("run", str(self.file), "--trust", "--again", "--plain", "--json", *options)
            run = self.newest()
            if code not in (0, 1) or run is None:
                raise SystemExit(f"kill_test: the run that nobody interrupts failed: {err.strip()}")
            self.reference[bool(options)] = self.weights(run)

    def do(self, kill: Kill) -> None:
        """One kill with all that is looked at after it; Missed where the process ended before."""
        match kill.victim:
            case "supervisor" | "worker":
                self.kill_in_run(kill)
            case other:
                {
                    "screen": self.kill_screen,
                    "queue": self.kill_queue,
                    "export": self.kill_export,
                    "what-if": self.kill_what_if,
                    "sweep": self.kill_sweep,
                    "dask worker": self.kill_dask_worker,
                    "container": self.kill_container,
                }[other](kill)
        self.examine(kill)


class _Drained:
    """Reads what a process says, so that a full pipe never keeps it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        import threading

        self._parts: list[list[bytes]] = [[], []]
        streams = (process.stdout, process.stderr)
        self._threads = [
            threading.Thread(target=lambda s=s, p=p: p.extend(iter(lambda: s.read1(1 << 16), b"")), daemon=True)  # type: ignore[misc]
            for s, p in zip(streams, self._parts, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def text(self) -> str:
        """All of standard error, at its end."""
        self._threads[1].join(10)
        return b"".join(self._parts[1]).decode(errors="replace")

    def output(self) -> str:
        """All of standard output, at its end."""
        self._threads[0].join(10)
        return b"".join(self._parts[0]).decode(errors="replace")


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def has_image() -> bool:
    """Whether there is a Docker engine with our image."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "image", "inspect", "repro:cpu"], capture_output=True, check=False).returncode == 0


def plan(count: int, *, quick: bool) -> list[Kill]:
    """Whom to kill and when, in turn."""
    possible = [one for one in PLAN if not (quick and one[0] in SLOW)]
    return [Kill(*possible[i % len(possible)]) for i in range(count)]


@contextlib.contextmanager
def ground(rng: random.Random) -> Iterator[Ground]:
    """A ground that is removed at the end."""
    kept = {**os.environ}
    with tempfile.TemporaryDirectory(prefix="kill test ") as name:
        try:
            yield Ground(Path(name), rng)
        finally:
            os.environ.clear()
            os.environ.update(kept)
            tempfile.tempdir = None


def try_all(todo: list[Kill], rng: random.Random, say: Callable[[Kill], None]) -> None:
    """Do all kills; each is told when it was examined."""
    with ground(rng) as place:
        place.prepare()
        for number, kill in enumerate(todo):
            missed: list[str] = []
            for _ in range(5):
                kill.faults = []
                try:
                    place.do(kill)
                    break
                except Missed:
                    missed += place.finish_open()
            else:
                kill.faults.append("it was never hit")
            # A run goes on through several kills; then it is resumed to its end.
            kill.faults += missed
            ends = place.open and (rng.random() < 0.35 or number + 1 == len(todo) or kill.state == "finished")
            if ends or kill.victim == "container":
                kill.resumed = kill.resumed or place.open is not None
                kill.faults += place.finish_open()
            say(kill)


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-most", type=int, default=None, help="end after so many kills; the same command goes on")
    parser.add_argument("--quick", action="store_true", help="only what takes a few seconds each")
    parser.add_argument("--anew", action="store_true", help="do not go on behind the kills of an older result")
    parser.add_argument("--result", type=Path, help="a JSON file to write, and to go on from")
    options = parser.parse_args()
    done: list[dict[str, Any]] = []
    if options.result is not None and options.result.exists() and not options.anew:
        found = json.loads(options.result.read_text(encoding="utf-8"))
        done = found["kills"] if found["seed"] == options.seed else []
    todo = plan(options.count, quick=options.quick)[len(done) :][: options.at_most]
    without_container = not has_image()

    def say(kill: Kill) -> None:
        row = {"victim": kill.victim, "moment": kill.moment, "state": kill.state}
        done.append({**row, "resumed": kill.resumed, "faults": kill.faults})
        print(f"{len(done):>4}  {kill.victim:<12}{kill.moment:<12}{kill.state:<12}{'; '.join(kill.faults)}", flush=True)
        if options.result is not None:
            rows = ",\n".join(f"  {json.dumps(one)}" for one in done)
            text = f'{{\n "format": 1,\n "seed": {options.seed},\n "kills": [\n{rows}\n ]\n}}\n'
            write_durably(options.result, text.encode())

    if without_container:
        todo = [Kill("supervisor", "fit") if kill.victim == "container" else kill for kill in todo]
    try_all(todo, random.Random(f"{options.seed} {len(done)}"), say)
    bad = [one for one in done if one["faults"]]
    print(f"{len(done)} kills, {len(bad)} with faults", file=sys.stderr)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
