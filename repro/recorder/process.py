"""What the recorder knows of the process that it is in: options, the mark, faults, exit, forks."""

import atexit
import io
import json
import os
import sys
import threading
import time

from repro_recorder import values

OWN = {"pid": None}
# What runs the cells of a notebook; its file is not the program's.
KERNEL = "ipykernel_launcher.py"


class Process:
    """One process's options and recordings; a forked child gets its own."""

    def __init__(self):
        environ = os.environ
        self.pid = os.getpid()
        self.store = os.path.abspath(environ.get("REPRO_RECORD_STORE") or "repro-recordings")
        self.name = environ.get("REPRO_RECORD_NAME") or None
        self.mark_path = environ.get("REPRO_RECORD_MARK") or None
        self.with_data = environ.get("REPRO_RECORD_WITH_DATA") == "1"
        self.off = bool(environ.get("REPRO_RECORD_OFF"))
        self.measure_seconds = _number(environ.get("REPRO_RECORD_SECONDS"))
        self.started = time.time()
        self.script = script_path()
        self.script_sha256 = None if self.script is None else values.file_sha256(self.script)
        self.folder = _current_folder()
        self.recordings = []
        self.failures = 0
        self.raised = None  # the exception that ends the program
        self.beating = False
        self.measuring = threading.RLock()  # held while samples pass: no watched call begins meanwhile
        self.calls = threading.local()  # `.stack`: the watched calls that this thread is in
        self.in_calls = {}  # thread: that stack

    def mark(self, *words):
        """Append a line to the mark."""
        if self.mark_path is None:
            return
        try:
            with io.open(self.mark_path, "a", encoding="utf-8") as stream:
                stream.write(" ".join(values.text(word) for word in words) + "\n")
        except OSError:
            pass

    def failed(self, where, error, recording=None):
        """Say a fault of the recorder's own, once in a process; the program continues."""
        reason = values.fault(error)
        self.failures += 1
        if self.failures == 1:
            self.mark("failed", self.pid, where, reason)
            self.say(
                "repro: the recorder failed ({}: {}): the program continues, its recording is not complete".format(
                    where, reason
                )
            )
        if recording is not None and self.failures <= 20:
            recording.send("recorder_failed", where=where, error=reason)
        if os.environ.get("REPRO_RECORD_DEBUG"):
            import traceback

            traceback.print_exception(type(error), error, error.__traceback__, file=sys.__stderr__)

    def say(self, line):
        """Write a line to standard error, whatever has become of it."""
        try:
            sys.__stderr__.write(line + "\n")
            sys.__stderr__.flush()
        except Exception:
            pass

    def stack(self):
        """Return the watched calls that this thread is in, the innermost last."""
        if not hasattr(self.calls, "stack"):
            self.calls.stack = self.in_calls[threading.get_ident()] = []
        return self.calls.stack

    def alone(self):
        """Return whether no other thread is in a watched call."""
        own = threading.get_ident()
        return not any(stack for thread, stack in list(self.in_calls.items()) if thread != own)

    def beat(self):
        """Start the heartbeat of this process's recordings, if it does not beat yet."""
        if self.beating:
            return
        self.beating = True
        thread = threading.Thread(target=self._beat, name="repro-recorder")  # a name: no number is drawn for it
        thread.daemon = True
        thread.start()

    def _beat(self):
        from repro_recorder import limits

        while self.pid == os.getpid():
            time.sleep(limits.HEARTBEAT_SECONDS)
            for recording in list(self.recordings):
                try:
                    recording.heartbeat()
                except Exception:
                    return


def _number(text):
    try:
        return max(0.0, float(text))
    except (TypeError, ValueError):
        return None


def _current_folder():
    try:
        return os.getcwd()
    except OSError:
        return None


def script_path():
    """Return the absolute path of the program's file; None where there is none (a notebook, `python -c`)."""
    main = sys.modules.get("__main__")
    for candidate in (getattr(main, "__file__", None), (getattr(sys, "argv", None) or [""])[0]):
        try:
            if candidate and os.path.basename(candidate) == KERNEL:
                return None
            if candidate and os.path.isfile(candidate):
                return os.path.abspath(candidate)
        except (OSError, ValueError, TypeError):
            continue
    return None


def current():
    """Return this process's `Process`; a forked child drops what it inherited and begins with its own."""
    process = OWN.get("process")
    if process is None or process.pid != os.getpid():
        if process is not None:
            for recording in process.recordings:
                recording.abandon()
        process = Process()
        first = "process" not in OWN
        OWN["process"] = process
        if first:
            atexit.register(_at_exit)
            _chain_excepthook()
            if hasattr(os, "register_at_fork"):  # Python 3.7
                os.register_at_fork(after_in_child=_forked)
    return process


def _forked():
    """Let go at once of what a forked child inherited: it may outlive its parent and never train."""
    for recording in OWN["process"].recordings:
        recording.abandon()


def guarded(where, function, *arguments, **options):
    """Call a function of the recorder's; a fault in it is said once and None is returned."""
    try:
        with values.quiet():
            return function(*arguments, **options)
    except Exception as error:
        current().failed(where, error)
        return None


def at_exit_first():
    """Come before all that is registered so far: libraries that samples pass through clean up in theirs."""
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


def _at_exit():
    process = current()
    for recording in list(process.recordings):
        guarded("at the end", recording.close)


def _chain_excepthook():
    """Remember the exception that ends the program, and show it without the recorder's own frames."""
    previous = sys.excepthook

    def excepthook(kind, error, trace):
        current().raised = error
        previous(kind, error, guarded("traceback", _without_own_frames, trace) or trace)

    sys.excepthook = excepthook
    _chain_thread_excepthook()


def _chain_thread_excepthook():
    """Show an exception that ends a thread without the recorder's own frames, from Python 3.8 on."""
    previous = getattr(threading, "excepthook", None)
    if previous is None:
        return

    def excepthook(arguments):
        trace = guarded("traceback", _without_own_frames, arguments.exc_traceback) or arguments.exc_traceback
        previous(threading.ExceptHookArgs((arguments.exc_type, arguments.exc_value, trace, arguments.thread)))

    threading.excepthook = excepthook


def _without_own_frames(trace):
    """Unlink this module's package from a chain of traceback entries (Python 3.7: `tb_next` can be set)."""
    own = "repro_recorder"
    entries = []
    while trace is not None:
        if not str(trace.tb_frame.f_globals.get("__name__", "")).startswith(own):
            entries.append(trace)
        trace = trace.tb_next
    if sys.version_info >= (3, 7):
        for entry, following in zip(entries, entries[1:] + [None]):
            entry.tb_next = following
    return entries[0] if entries else None


def command():
    """Return the command line as it was typed, else as the interpreter knows it."""
    try:
        typed = json.loads(os.environ.get("REPRO_RECORD_COMMAND", ""))
        if isinstance(typed, list):
            return [values.text(word) for word in typed]
    except ValueError:
        pass
    words = getattr(sys, "orig_argv", None) or [sys.executable or "python"] + list(getattr(sys, "argv", []))
    return [values.text(word) for word in words]
