"""A recording's directory: made under its lock, then filled with events and arrays."""

import fcntl
import hashlib
import io
import json
import os
import random
import re
import threading
import time

import numpy as np

from repro_recorder import limits, values

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def boot_id():
    """Return what identifies this boot of this kernel; empty where the kernel does not say."""
    try:
        return values.read_text("/proc/sys/kernel/random/boot_id").strip()
    except (IOError, OSError):
        return ""


def plain_name(name):
    """Return `name` as a scenario's name: lower-case letters and digits with single `-` or `.` between them."""
    name = re.sub(r"[^a-z0-9.]+", "-", str(name).lower())
    name = re.sub(r"[-.]*\.[-.]*|-+", lambda match: "." if "." in match.group() else "-", name)
    return name[:60].strip("-.") or "recording"


def new_id(name):
    """Return DATETIME-NAME-recorded-s0-RANDOM, in UTC with microseconds."""
    now = time.time()
    own = random.SystemRandom()  # leaves the program's generator alone
    letters = "".join(own.choice(ALPHABET) for _ in range(4))
    seconds = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    return "{}.{:06d}Z-{}-recorded-s0-{}".format(seconds, int(now % 1 * 1e6), name, letters)


class Journal:
    """The files of one recording. Methods that write may raise OSError."""

    def __init__(self, store, name, record):
        """Make STORE/ID with run.json, holding its lock; `record` takes the id and returns run.json's fields."""
        self.id = new_id(name)
        os.makedirs(store, exist_ok=True)
        hidden = os.path.join(store, ".new-" + self.id)
        os.mkdir(hidden)
        os.mkdir(os.path.join(hidden, "arrays"))
        self._lock_stream = io.open(os.path.join(hidden, "run.lock"), "wb")
        fcntl.flock(self._lock_stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = os.path.join(store, self.id)
        values.write_whole(os.path.join(hidden, "run.json"), as_json(record(self.id)))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._events = os.open(os.path.join(hidden, "events.jsonl"), flags, 0o666)
        os.rename(hidden, self.path)
        self.sequence = 0
        self._writing = threading.Lock()
        self._start = (time.time(), time.monotonic())
        self._last = 0.0
        self._arrays = 0
        self.pid = os.getpid()
        self.closed = False
        self.torn = False  # a line could not be written whole: nothing may follow it

    def now(self):
        """Return seconds since the epoch that never decrease."""
        return self._start[0] + time.monotonic() - self._start[1]

    def is_inherited(self):
        """Return whether this process is a forked child: nothing is written there."""
        return self.pid != os.getpid()

    def send(self, event, clock=False, **fields):
        """Append one event; with `clock` it has the machine's time. A line that is too long leaves its lists out."""
        if self.is_inherited():  # and the lock may be held by a thread that is not in this process
            return
        with self._writing:
            if self.closed:
                return
            body = values.jsonable(fields)
            body.update(event=event, seq=self.sequence, time=time.time() if clock else self.now())
            line = encoded(body)
            if len(line) > limits.EVENT_BYTES:
                body = {key: None if isinstance(item, (list, dict)) else item for key, item in body.items()}
                line = encoded(body)
            if self.torn:
                return
            view = memoryview(line)
            try:
                while view:
                    view = view[os.write(self._events, view) :]
            except OSError:
                self.torn = True
                raise
            self.sequence += 1

    def save(self, name, array):
        """Save arrays/NAME.npy and return that name; None where limits or the array's type forbid it."""
        array = np.asarray(array)
        if (
            self.is_inherited()
            or array.dtype.kind not in "fiub"
            or self._arrays >= limits.ARRAY_FILES
            or array.nbytes > limits.ARRAY_BYTES
        ):
            return None
        stream = io.BytesIO()
        np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
        self._arrays += 1
        values.write_whole(os.path.join(self.path, "arrays", name + ".npy"), stream.getvalue())
        return "arrays/{}.npy".format(name)

    def write(self, name, data):
        """Write a file of the recording as a whole."""
        if self.is_inherited():
            return
        values.write_whole(os.path.join(self.path, name), data)

    def close(self):
        """Close the events and let go of the lock."""
        with self._writing:
            self.closed = True
            os.close(self._events)
            fcntl.flock(self._lock_stream, fcntl.LOCK_UN)  # forked children may still have it open
            self._lock_stream.close()

    def abandon(self):
        """Close what a forked child inherited, without a word; the parent still holds the lock."""
        if self.closed:
            return
        self.closed = True
        try:
            os.close(self._events)
            self._lock_stream.close()
        except OSError:
            pass


def encoded(body):
    """Return one line of JSON."""
    return (json.dumps(body, sort_keys=True, allow_nan=False) + "\n").encode("utf-8")


def as_json(record):
    """Return a file of JSON."""
    return (json.dumps(values.jsonable(record), indent=1, sort_keys=True, allow_nan=False) + "\n").encode("utf-8")


def sha256_of(data):
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()
