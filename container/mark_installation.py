"""Marks an installation as complete, as `repro environment install` does: `mark_installation.py NAME LOCK PREFIX`."""

import hashlib
import json
import os
import sys

name, lock, prefix = sys.argv[1:]
with open(lock, "rb") as stream:
    digest = hashlib.sha256(stream.read()).hexdigest()
with open(os.path.join(prefix, "repro-installation.json"), "w") as stream:
    json.dump({"format": 1, "environment": name, "lock_sha256": digest}, stream)
    stream.write("\n")
