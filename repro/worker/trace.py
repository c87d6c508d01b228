"""A traced run: batch statistics of every step, and weight snapshots at chosen epochs.

Momentum does not touch training. So the network is built with momentum 0, which leaves each step's batch statistics in
the moving statistics; those of the momentum that each layer would have are replayed beside it and put in for every
measurement.
"""

import errno
import json
import os
import shutil

import numpy as np

from repro_worker import batch_norm, files

ROWS = os.path.join("arrays", "trace.f32")
HEAD = os.path.join("arrays", "trace.json")


def snapshot(epoch):
    """Where a run keeps its weights after `epoch`, relative to its folder."""
    return "weights/snapshot-{:07d}.npz".format(epoch)


class Trace:
    """Writes the rows as they come, and keeps the moving statistics of the adapter's `momenta`."""

    def __init__(self, directory, adapter, snapshot_epochs, first_step):
        self.adapter = adapter
        self.directory = directory
        self.snapshot_epochs = set(snapshot_epochs)
        self.channels = [int(mean.shape[0]) for mean, _ in adapter.moving_statistics()]
        self.columns = 2 * sum(self.channels)
        self.momentum = batch_norm.per_value(adapter.momenta, self.channels)
        self.zeros = batch_norm.unflatten(np.zeros(self.columns, np.float32), self.channels)
        path = os.path.join(directory, ROWS)
        with open(path, "ab") as stream:
            stream.truncate(first_step * self.columns * 4)
        done = np.fromfile(path, np.float32).reshape(-1, self.columns)
        if len(done) != first_step:
            raise ValueError("the trace holds {} steps where {} were done".format(len(done), first_step))
        self.moving = batch_norm.replay(done, self.channels, self.momentum, adapter.update_rule)
        self.stream = open(path, "ab", buffering=0)
        self.first_step = first_step
        self._write_head()

    def _write_head(self):
        head = {
            "format": 1,
            "dtype": "float32",
            "columns": self.columns,
            "channels": self.channels,
            "layers": [layer.name for layer in self.adapter.batch_norm_layers()],
            "layout": "for each layer mean (channels), then variance (channels); one row a step",
            "update_rule": self.adapter.update_rule,
            "momentum": max(self.adapter.momenta),
            "momenta": self.adapter.momenta,
        }
        with files.replacing(os.path.join(self.directory, HEAD)) as stream:
            stream.write((json.dumps(head, indent=1) + "\n").encode("utf-8"))

    def require_space(self, steps):
        """(bytes that the rest of the trace takes, bytes free); OSError where it does not fit."""
        rows = (steps - self.first_step) * self.columns * 4
        weights = sum(array.nbytes for _, array in self.adapter.weights())
        missing = [
            epoch for epoch in self.snapshot_epochs if not os.path.exists(os.path.join(self.directory, snapshot(epoch)))
        ]
        needed, free = rows + weights * len(missing), shutil.disk_usage(self.directory).free
        if needed > free:
            reason = "the trace takes {:.2f} GB, {:.2f} GB are free".format(needed / 1e9, free / 1e9)
            raise OSError(errno.ENOSPC, reason, self.directory)
        return needed, free

    def batch_begin(self):
        """moving - (moving - batch) is exactly `batch` from 0 only."""
        if self.adapter.update_rule == batch_norm.DIFFERENCE:
            self.adapter.set_moving_statistics(self.zeros)

    def batch_end(self):
        """Keep the step's batch statistics."""
        batch = batch_norm.flatten(self.adapter.moving_statistics())
        data = memoryview(batch.tobytes())
        while data:
            data = data[self.stream.write(data) :]
        self.moving = batch_norm.update(self.moving, batch, self.momentum, self.adapter.update_rule)

    def put_in(self):
        """Give the layers the moving statistics that they would have had untraced."""
        self.adapter.set_moving_statistics(batch_norm.unflatten(self.moving, self.channels))

    def snapshot(self, epoch):
        """Keep all weights after `epoch`, with those moving statistics; (file, SHA-256) or None when not asked for."""
        if epoch not in self.snapshot_epochs:
            return None
        name = snapshot(epoch)
        arrays = (("weight/{:05d}".format(i), array) for i, array in enumerate(self.adapter.snapshot()))
        return name, files.save_arrays(os.path.join(self.directory, name), arrays)
