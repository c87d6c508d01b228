"""One recording: what is written about one model object."""

import hashlib
import os
import sys
import threading
import time
import weakref

from repro_recorder import budget, environment, fingerprint, journal, limits, moving_statistics, process, values


class Recording:
    """The journal of one model and what must be remembered between its calls. It holds no model."""

    def __init__(self, owner, lens):
        self.owner = owner
        self.model = weakref.ref(lens.model)
        self.number = len(owner.recordings) + 1
        self.fits = self.epochs = self.calls = 0
        self.statistics = moving_statistics.MovingStatistics()
        self.step_budget = budget.Budget(limits.STEP_SHARE, limits.STEP_SECONDS)
        self.ratio_budget = budget.Budget(limits.RATIO_SHARE, limits.RATIO_SECONDS)
        self.look_budget = budget.Budget(limits.LOOK_SHARE, limits.LOOK_SECONDS)
        self.measure_budget = budget.Budget(limits.MEASURE_SHARE, limits.MEASURE_SECONDS)
        if owner.measure_seconds is not None:
            self.measure_budget.allowance = owner.measure_seconds
        self.left = None  # fingerprint.Left after the last fit
        self.left_moving = None  # (mean, variance) pairs then
        self.columns = self.fit_figures = None  # of the input in the last fit; of its samples in inference phase
        self.deferred = None
        self.passes = []  # (label, reference to the source, row hashes) of earlier passes
        self.call_events = self.measured_calls = self.repeated = 0
        self.loop = None
        self.last_ended = None
        self.first_not_finite = set()
        packages = environment.packages()
        lock = environment.lock_text(packages).encode("utf-8")
        name = journal.plain_name(owner.name or _stem(owner.script))
        self.journal = journal.Journal(owner.store, name, lambda identity: self._record(lens, identity, name, lock))
        owner.recordings.append(self)
        process.at_exit_first()
        owner.mark("recording", owner.pid, self.journal.id)
        self.journal.write("requirements.lock", lock)
        self.thread = threading.Thread(
            target=self._write_environment, args=(lens.without_model(),), name="repro-recorder-environment"
        )
        self.thread.daemon = True
        self.thread.start()

    @property
    def is_inherited(self):
        """Whether this process is a forked child, and the recording its parent's."""
        return self.journal.is_inherited()

    @property
    def id(self):
        """The run's id."""
        return self.journal.id

    def send(self, event, **fields):
        """Append an event."""
        self.journal.send(event, **fields)

    def missing(self, what, reason, fit=None):
        """Note what could not be kept or measured."""
        self.send("missing", fit=self.fits if fit is None else fit, what=what, reason=reason)

    def _budgets(self):
        return self.step_budget, self.ratio_budget, self.look_budget, self.measure_budget

    def start_clocks(self):
        """Training begins, or goes on."""
        for each in self._budgets():
            each.start()

    def stop_clocks(self):
        """Training pauses."""
        for each in self._budgets():
            each.stop()

    def heartbeat(self):
        """Say that the process lives."""
        self.journal.send("heartbeat", clock=True, boot_id=journal.boot_id())

    def begin(self, lens, epochs):
        """Write the first events."""
        self.send("run_started", stretch=1, epochs=int(epochs), boot_id=journal.boot_id())
        self.send("worker_started", pid=self.owner.pid, python=sys.version.split()[0], warm_seconds=None)
        self.describe(lens)
        self.owner.beat()

    def describe(self, lens):
        """Write what the model is, as soon as it is built."""
        self.described = lens.built()
        if self.described:
            self.send("model_built", seconds=0.0, fingerprint=fingerprint.fingerprint(lens))

    def _record(self, lens, identity, name, lock):
        owner = self.owner
        script_sha256 = owner.script_sha256
        return {
            "format": 1,
            "id": identity,
            "scenario": name,
            "scenario_sha256": script_sha256 or hashlib.sha256(b"").hexdigest(),
            "environment": "recorded",
            "lock_sha256": journal.sha256_of(lock),
            "seed": 0,
            "device": "auto",
            "threads": environment.usable_cores(),
            "deterministic": environment.deterministic(lens),
            "command": process.command(),
            "package_sha256": own_sha256(),
            "started": time.time(),
            "images": [],
            "shipped_images": False,
            "recorded": {
                "format": 1,
                "recorder": limits.VERSION,
                "script": None if owner.script is None else os.path.basename(owner.script),
                "script_sha256": script_sha256,
                "arguments": [values.text(word) for word in list(getattr(sys, "argv", []))[1:10001]],
                "python": sys.version.split()[0],
                "executable": os.path.basename(sys.executable or "python"),
                "keras": lens.keras_version(),
                "keras_module": lens.keras.__name__,
                "generation": lens.generation,
                "backend": lens.backend(),
                "tensorflow": lens.tf.__version__,
                "git": git_commit(owner.script, owner.folder),
                "pid": owner.pid,
                "parent_pid": os.getppid(),
                "number": self.number,
                "with_data": owner.with_data,
            },
        }

    def _write_environment(self, lens):
        try:
            self.journal.write("environment.json", journal.as_json(environment.collect(lens)))
        except Exception as error:
            self.owner.failed("environment", error)

    def close(self):
        """Write the last event; the lock goes with it."""
        from repro_recorder import after_fit, fit

        process.guarded("at the end", fit.end_loop, self)
        process.guarded("at the end", after_fit.measure_deferred, self)
        self.thread.join(5.0)
        raised = self.owner.raised
        state, reason, exit_code = "finished", "", 0
        if isinstance(raised, KeyboardInterrupt) and self.last_ended != "returned":
            state, reason, exit_code = "interrupted", "by Ctrl+C (KeyboardInterrupt)", 4
        elif raised is not None and self.last_ended != "returned":
            state, reason = "failed", values.fault(raised)
        self.send("run_ended", state=state, reason=reason, exit_code=exit_code)
        self.journal.close()

    def abandon(self):
        """Forget a recording that a forked child inherited."""
        self.journal.abandon()


def own_sha256():
    """Return the hash over the recorder's own sources, as whoever built it wrote them down."""
    import repro_recorder

    return getattr(repro_recorder, "SOURCE_SHA256", None) or hashlib.sha256(b"").hexdigest()


def _stem(script):
    if script is None:
        return "notebook" if "ipykernel" in sys.modules else "program"
    name = os.path.splitext(os.path.basename(script))[0]
    # `python -m package` runs package/__main__.py.
    return os.path.basename(os.path.dirname(script)) if name == "__main__" else name


def git_commit(script, folder):
    """Return {"commit", "dirty"} of the checkout that the script is in, read from its files; None outside of one.

    Whether files differ takes git, and no process is started here: null, unless REPRO_RECORD_GIT says it.
    """
    told = os.environ.get("REPRO_RECORD_GIT")
    if told:
        commit, _, state = told.partition(" ")
        return {"commit": values.text(commit, 64), "dirty": {"dirty": True, "clean": False}.get(state)}
    path = folder if script is None else os.path.dirname(script)
    while path:
        head = os.path.join(path, ".git", "HEAD")
        if os.path.isfile(head):
            return {"commit": _commit_of(os.path.join(path, ".git"), values.read_text(head).strip()), "dirty": None}
        parent = os.path.dirname(path)
        path = parent if parent != path else None
    return None


def _commit_of(git, head):
    if not head.startswith("ref: "):
        return head[:64]
    reference = head[5:]
    loose = os.path.join(git, *reference.split("/"))
    if os.path.isfile(loose):
        return values.read_text(loose).strip()[:64]
    packed = os.path.join(git, "packed-refs")
    if os.path.isfile(packed):
        for line in values.read_text(packed, 1 << 24).splitlines():
            if line.endswith(" " + reference):
                return line.split()[0][:64]
    return None


def of_model(owner, lens, epochs, make=True):
    """Return the recording of a model object; with `make` a new one where there is none."""
    for recording in owner.recordings:
        if recording.model() is lens.model:
            return recording
    if not make:
        return None
    try:
        recording = Recording(owner, lens)
    except OSError as error:
        owner.off = True
        owner.failed("{} cannot be written".format(owner.store), error)
        return None
    recording.begin(lens, epochs)
    return recording


def of_architecture(owner, lens):
    """Return the latest recording of another model of the same architecture; None where there is none."""
    candidates = [recording for recording in owner.recordings if recording.left is not None]
    if not candidates or not lens.built():
        return None
    architecture = fingerprint.architecture(lens)
    return next((each for each in reversed(candidates) if each.left.architecture == architecture), None)
