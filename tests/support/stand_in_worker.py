"""Scripts that stand in for the worker: everything of a run is real but the training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

# What each script begins with: the channel, the request, and how events are sent.
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

# A worker that writes what a real one writes: statistics, a trace that grows, snapshots, checkpoints.
WRITES = f"""\
sys.path += [WORKER, {str(Path(np.__file__).parents[1])!r}]
"""
WRITES += """\
import files_of_the_worker as files
directory = request["directory"]
def put(name, size):
    with files.replacing(os.path.join(directory, name)) as stream:
        stream.write(b"x" * size)
    return __import__("hashlib").sha256(b"x" * size).hexdigest()
try:
    send("stage_started", stage="import")
    send("environment_probed", record={"facts": {"device": "cpu", "padding": "x" * 4000}, "missing": {}})
    send("stage_started", stage="fit")
    first = request["resume"]["epoch"] if request["resume"] else 0
    for number in range(first, 3):
        with open(os.path.join(directory, "arrays", "trace.f32"), "ab", buffering=0) as stream:
            data = memoryview(b"t" * 6000)
            while data:
                data = data[stream.write(data):]
        epoch(number + 1)
        put("weights/snapshot-%07d.npz" % (number + 1), 9000)
        name = "weights/checkpoint-%07d.npz" % (number + 1)
        sha256 = put(name, 20000)
        send("checkpoint_written", epoch=number + 1, file=name, sha256=sha256, bytes=20000, seconds=0.01)
        print("a line of the log" * 60)
    send("stage_started", stage="measure")
    put("arrays/moving-statistics-0000003.npy", 5000)
    send("predicted", epoch=3, probabilities=[[1.0, 0.0, 0.0]] * 3, call="model.predict")
    send("weights_hashed", sha256="0" * 64)
    send("training_finished", peak_memory_bytes=1)
except Exception as error:
    send("worker_failed", kind=type(error).__name__, message=str(error))
    sys.exit(1)
"""

# `python -c DRIVER WORKER ARGUMENTS...`: the command line with that script for a worker.
DRIVER = """\
import sys
from pathlib import Path
from repro.environment import check
from repro.supervise import supervisor, worker_process
from repro.cli import run_command_line
from repro.cli import run
run.IMAGE_FILE = Path("/nonexistent")  # these tests may themselves run in the container, where --detach is refused
worker_process.WORKER = Path(sys.argv[1])
check.drift = lambda *_: []
sys.argv = ["repro", *sys.argv[2:]]
sys.exit(run_command_line(sys.argv[1:]))
"""
