"""The names of the files in a run directory, as paths relative to it.

The worker writes its own files (checkpoints, snapshots, the trace) and imports nothing of `repro`: those names are
written out in `repro/worker` too.
"""

from __future__ import annotations

import re

RECORD = "run.json"
SCENARIO = "scenario.yaml"
PACKAGE_LOCK = "requirements.lock"
# The copy of the user's own model, which repro/worker/own_model.py loads.
OWN_MODEL = "model.py"
# The program of a script scenario and its files, as they were before it ran.
PROGRAM = "program"
# The program of a recording, where `repro record` knows it.
SCRIPT = "script.py"
EVENTS = "events.jsonl"
WORKER_LOG = "worker.log"
RESULT = "result.json"

# Held by the supervisor for as long as it lives.
LOCK = "run.lock"
# Its presence asks the supervisor to stop.
STOP_REQUEST = "stop"
WORKER_HOME = "worker-home"

ENVIRONMENT = "environment.json"
# Written by the attempts after the first one; see `environment_of`.
LATER_ENVIRONMENTS = "environment-*.json"
ALL_ENVIRONMENTS = "environment*.json"
ENVIRONMENT_PATTERN = re.compile(r"^environment(-\d+)?\.json$")

ARRAYS = "arrays"
IMAGES = "arrays/images.npy"
VALIDATION_IMAGES = "arrays/validation.npy"
TRACE = "arrays/trace.f32"
TRACE_HEADER = "arrays/trace.json"

WEIGHTS = "weights"
CHECKPOINT_PREFIX = "checkpoint-"
SNAPSHOTS = "snapshot-*.npz"
SNAPSHOT_PATTERN = re.compile(r"^snapshot-([0-9]{1,9})\.npz$")

# What the result does not vouch for: itself, and what comes and goes while the run lives.
NOT_HASHED = frozenset({LOCK, RESULT, STOP_REQUEST})


def environment_of(attempt: int) -> str:
    """Name of the environment record that a resumed attempt writes beside the first one."""
    return f"environment-{attempt}.json"
