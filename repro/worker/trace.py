"""A traced run: batch statistics of every step, and weight snapshots at chosen epochs.

The network is trained as it is, and each step also gives the batch statistics that its layers average. From these the
moving statistics are replayed. As long as they are those of the layers, the rows answer what another momentum would
have given. If they are not, the trace is given up, and the training continues.

In a static graph every operation that is added changes the order of the others, and with it bits. There the network is
built with momentum 0 (`traced_at_zero`), after its graph has shown that this cannot touch training: the layers then
hold each step's batch statistics, and the replayed moving ones are put in for every measurement.
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


# The first steps after each of which replayed and own statistics are compared; later it is after each epoch.
CHECKED_STEPS = 3
# Largest relative difference of the two: kernels round in another order, which a few steps cannot bring further.
TOLERANCE = 1e-3


class Trace:
    """Writes the rows as they come, and replays the moving statistics at the adapter's `momenta`."""

    def __init__(self, directory, adapter, snapshot_epochs, first_step):
        self.adapter = adapter
        self.directory = directory
        self.snapshot_epochs = set(snapshot_epochs)
        self.channels = [int(mean.shape[0]) for mean, _ in adapter.moving_statistics()]
        self.columns = 2 * sum(self.channels)
        self.momentum = batch_norm.per_value(adapter.momenta, self.channels)
        path = os.path.join(directory, ROWS)
        with open(path, "ab") as stream:
            stream.truncate(first_step * self.columns * 4)
        done = np.fromfile(path, np.float32).reshape(-1, self.columns)
        if len(done) != first_step:
            raise ValueError("the trace holds {} steps where {} were done".format(len(done), first_step))
        self.moving = batch_norm.replay(done, self.channels, self.momentum, adapter.update_rule)
        if (
            first_step
            and not adapter.traced_at_zero
            and np.array_equal(batch_norm.flatten(adapter.moving_statistics()), done[-1])
        ):
            # a checkpoint of a version that traced with momentum 0
            adapter.set_moving_statistics(batch_norm.unflatten(self.moving, self.channels))
        self.stream = open(path, "ab", buffering=0)
        self.first_step = first_step
        self.steps = 0
        self.is_exact = True
        self._write_head()

    def _write_head(self, **facts):
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
        head.update(facts)
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
        """Have the step leave its batch statistics: moving - (moving - batch) is exactly `batch` from 0 only."""
        if self.adapter.traced_at_zero:
            zeros = np.zeros(self.columns, np.float32)
            self.adapter.set_moving_statistics(batch_norm.unflatten(zeros, self.channels))

    def put_in(self):
        """Give layers that hold batch statistics the moving statistics that they would have untraced."""
        if self.adapter.traced_at_zero:
            self.adapter.set_moving_statistics(batch_norm.unflatten(self.moving, self.channels))

    def batch_end(self):
        """Keep the step's batch statistics; why the trace cannot be continued, or None."""
        if self.steps == 0:
            reason = self.adapter.reason_against_trace()
            if reason is not None:
                return reason
        batch = batch_norm.flatten(self.adapter.batch_statistics())
        data = memoryview(batch.tobytes())
        while data:
            data = data[self.stream.write(data) :]
        self.moving = batch_norm.update(self.moving, batch, self.momentum, self.adapter.update_rule)
        self.steps += 1
        return self.difference() if self.steps <= CHECKED_STEPS else None

    def difference(self):
        """Which layer's moving statistics are not the replayed ones, in words; None if all are."""
        if self.adapter.traced_at_zero:
            return None
        own = batch_norm.flatten(self.adapter.moving_statistics())
        if equal(own, self.moving).all():
            return None
        self.is_exact = False
        layers = self.adapter.batch_norm_layers()
        pairs = (batch_norm.unflatten(values, self.channels) for values in (own, self.moving))
        for layer, of_layer, replayed in zip(layers, *pairs):
            if not is_close(of_layer, replayed):
                return "the moving statistics of {} are not the averages of its batches".format(layer.name)
        return None

    def finish(self):
        """Add to the head whether replayed and own statistics were equal bit for bit wherever they were compared."""
        if not self.adapter.traced_at_zero:
            self._write_head(exact=self.is_exact)

    def give_up(self):
        """Remove the rows, without which the run is none that was traced."""
        self.stream.close()
        for name in (HEAD, ROWS):
            os.remove(os.path.join(self.directory, name))

    def snapshot(self, epoch):
        """Keep all weights after `epoch`; (file, SHA-256) or None when not asked for."""
        if epoch not in self.snapshot_epochs:
            return None
        name = snapshot(epoch)
        arrays = (("weight/{:05d}".format(i), array) for i, array in enumerate(self.adapter.snapshot()))
        return name, files.save_arrays(os.path.join(self.directory, name), arrays)


def was_given_up(directory):
    """Whether a run that has trained some steps kept no trace of them."""
    return not os.path.exists(os.path.join(directory, HEAD))


def equal(left, right):
    """Where two arrays hold the same values, or both none that is a number."""
    return (left == right) | (np.isnan(left) & np.isnan(right))


def is_close(own, replayed):
    """Whether two (mean, variance) pairs differ by rounding only; a mean is rounded in units of the deviation."""
    units = np.sqrt(np.abs(own[1])) + np.abs(own[0]), np.abs(own[1])
    with np.errstate(invalid="ignore"):
        return all(
            (equal(a, b) | (np.abs(a - b) <= TOLERANCE * unit + 1e-12)).all()
            for a, b, unit in zip(own, replayed, units)
        )
