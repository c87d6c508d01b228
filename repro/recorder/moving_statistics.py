"""Moving statistics as they are seen in training, and what follows from them.

All layers' statistics are one float vector: for each layer its mean (channels,), then its variance. From two readings
`n` updates apart follows what the batches of these updates gave, weighted as the layer weights them:
(new - m**n * old) / (1 - m**n). Replays at other momenta are kept as they go, so that no step has to be stored.
"""

import numpy as np

from repro_recorder import batch_norm, limits

FLOAT32 = 2.0**-24
PENDING_BYTES = 8 * 1024 * 1024


class MovingStatistics:
    """What is known of a model's moving statistics over all its `fit` calls."""

    def __init__(self):
        self.lens = self.layers = self.channels = None
        self.calls = None  # of each layer in one step, as far as known
        self.are_debiased = None  # whether each layer's averages have nothing of their initial values
        self.first = None  # the vector before the first step of the first fit
        self.replays = self.own_replay = self.latest = None
        self.total_steps = 0

    def attach(self, lens):
        """Look at a model; the same one after a `detach`."""
        self.lens = lens
        self.layers = lens.moving()
        channels = [each.channels for each in self.layers]
        if channels != self.channels:
            self.channels = channels
            self.calls = [lens.calls_in_graph(each.layer) for each in self.layers]
            self.are_debiased = [lens.is_debiased(each.layer) for each in self.layers]
            self.first = self.replays = self.latest = None
        self.size = 2 * sum(channels)
        starts = np.concatenate([[0], np.cumsum([2 * count for count in channels])]).astype(int)
        self.spans = [slice(starts[index], starts[index + 1]) for index in range(len(self.layers))]

    def detach(self):
        """Let go of the model."""
        self.lens = self.layers = None
        self.pending = []

    def read(self):
        """Return the statistics as they are, float64 (size,)."""
        pairs = self.lens.moving_pairs()
        return np.concatenate([part for pair in pairs for part in pair]).astype(np.float64) if pairs else np.zeros(0)

    def initial_vector(self):
        """Return Keras's initial values: 0 for means, 1 for variances."""
        return batch_norm.initial_vector(self.channels).astype(np.float64)

    def begin(self, initial=None, late=False):
        """Begin a fit: read what is there. `late`: a step has passed already, and `initial` is what was there before.

        Without `initial` the statistics after that step count as the first ones.
        """
        self.momenta = np.array([each.momentum for each in self.layers])
        known = late and initial is not None
        self.start = np.concatenate([part for pair in initial for part in pair] + [[]]) if known else self.read()
        self.start_known = known or not late
        if self.first is None:
            self.first, self.first_known = self.start, self.start_known
        if self.replays is None or not np.array_equal(self.start, self.latest):
            # The program has set them meanwhile: what came before weighs nothing.
            self.first, self.first_known = self.start, self.start_known
            self.replays = {momentum: self.start.copy() for momentum in limits.MOMENTA}
            self.own_replay = self.start.copy()
            self.coarse = dict.fromkeys(limits.MOMENTA, 0.0)
            self.initial_weights = np.ones(len(self.layers))
        self.latest = self.start
        self.single = 0
        self.latest_step = self.steps = 0
        self.pending = [(0, self.start)]
        self.looked = 0
        self.folded = self.restored = False
        self.settled = True
        self.changed = np.zeros(len(self.layers), int)
        self.updates = np.zeros(len(self.layers))
        self.bounds = np.zeros(len(self.layers))
        self.mean_of_means = np.zeros(self.size)
        self.squares = np.zeros(self.size)
        self.batch_sum = np.zeros(self.size)
        self.batch_weight = np.zeros(len(self.layers))
        self.variances = []  # of single steps: (step, mean batch variance of each layer)

    def step(self, step, read):
        """Count step `step` (from 1); with `read` look at the statistics after it."""
        self.steps = step
        if read:
            self.pending.append((step, self.read()))
            self.latest_step = step
            if len(self.pending) * self.size * 8 > PENDING_BYTES and len(self.pending) > 2:
                self._fold()

    def finish(self):
        """End a fit: look a last time. The figures follow with `settle`."""
        now = self.read()
        seen_last = self.latest_step == self.steps and self.steps > 0
        # A callback that puts other weights in after the last step: what was seen in training stays what it is.
        self.restored = bool(seen_last and not np.array_equal(now, self.pending[-1][1]))
        if self.steps > self.latest_step:
            self.pending.append((self.steps, now))
        self.total_steps += self.steps
        self.latest = now
        self.settled = False

    def settle(self, calls=None):
        """Work out what the readings say. `calls`: each layer's calls in one step, where they were counted."""
        if self.settled:
            return
        self.settled = True
        calls = self.calls if calls is None else [max(1, count) for count in calls]
        if self.folded and calls != self.calls:
            self.bounds[np.array(calls) != np.array(self.calls)] = np.inf
        self.calls = calls
        self._fold()
        if self.restored:
            self.replays = None

    def _fold(self):
        """Take all readings but the last into the figures."""
        self.folded = True
        for (before, old), (after, new) in zip(self.pending, self.pending[1:]):
            self._window(after - before, after, old, new)
        self.pending = self.pending[-1:]

    def _window(self, steps, step, old, new):
        """Take the statistics before and after `steps` steps into the figures."""
        self.looked += steps
        changed = np.array([not np.array_equal(old[span], new[span]) for span in self.spans])
        if not changed.any():
            return
        self.changed += changed * steps
        updates = steps * np.array(self.calls) * changed
        self.updates += updates
        kept = self.momenta**updates
        self.initial_weights = self.initial_weights * kept
        of_value = self._of_values(kept)
        moved = self._of_values(changed.astype(float)) > 0
        share = np.where(of_value < 1.0, 1.0 - of_value, 1.0)
        batch = np.where(moved & (of_value < 1.0), (new - of_value * old) / share, new)
        error = 3.0 * FLOAT32 * (np.abs(new) + np.abs(old) * of_value) / share
        self._bound(batch, error, changed)
        for momentum, state in self.replays.items():
            weight = self._of_values(momentum**updates)
            self.replays[momentum] = np.where(moved, state * weight + batch * (1.0 - weight), state)
            left = float(momentum ** updates[changed].min())
            self.coarse[momentum] = self.coarse[momentum] * left + (1.0 - left) * (steps > 1)
        self.own_replay = np.where(moved, self.own_replay * of_value + batch * (1.0 - of_value), self.own_replay)
        self.batch_weight += steps * changed
        self.batch_sum += np.where(moved, batch * steps, 0.0)
        if steps == 1 and max(self.calls) == 1 and not any(self.are_debiased):
            self.single += 1
            change = batch - self.mean_of_means
            self.mean_of_means += change / self.single
            self.squares += change * (batch - self.mean_of_means)
            if len(self.variances) < limits.LISTED_STEPS:
                halves = [batch[span][self.channels[index] :] for index, span in enumerate(self.spans)]
                self.variances.append((step, [float(half.mean()) for half in halves]))

    def _bound(self, batch, error, changed):
        """Note the largest error of a channel's statistics in units of its deviation."""
        for index, span in enumerate(self.spans):
            if not changed[index]:
                continue
            mean, variance = np.split(error[span], 2)
            scale = np.maximum(np.split(batch[span], 2)[1], 0.0) + self.layers[index].epsilon
            bound = float(max((mean / np.sqrt(scale)).max(), (variance / scale).max()))
            self.bounds[index] = max(self.bounds[index], bound if np.isfinite(bound) else np.inf)

    def _of_values(self, of_layers):
        """Return a number of each layer for each value of the vector."""
        return np.repeat(of_layers, [2 * count for count in self.channels])

    # What follows.

    def pairs(self, vector):
        """Return a vector as (mean, variance) pairs, float32."""
        return [tuple(pair) for pair in batch_norm.unflatten(vector.astype(np.float32), self.channels)]

    def available(self, index):
        """Return whether a layer's batch statistics could be worked out from how its moving ones change."""
        if self.are_debiased[index]:
            return False
        return bool(self.updates[index] and self.momenta[index] < 1.0 and self.bounds[index] <= limits.AVAILABLE_BOUND)

    def debiased(self):
        """Return the latest statistics without what is left of the first ones, (mean, variance) pairs."""
        left = self._of_values(np.where(self.initial_weights < 1.0, self.initial_weights, 0.0))
        return self.pairs((self.latest - left * self.first) / (1.0 - left))

    def initial_weight(self, index):
        """Return what a layer's initial values weigh in its moving statistics."""
        return 0.0 if self.are_debiased[index] and self.updates[index] else float(self.initial_weights[index])

    def report(self, batch_pairs=None):
        """Return BATCH_NORM of each layer; `batch_pairs`: batch statistics that were measured after the fit."""
        return [self._layer_report(index, batch_pairs) for index in range(len(self.layers))]

    def _layer_report(self, index, batch_pairs):
        layer, span = self.layers[index], self.spans[index]
        available = self.available(index)
        batch = None
        if batch_pairs is not None and batch_pairs[index] is not None:
            batch = batch_pairs[index]
        elif available and self.batch_weight[index]:
            batch = tuple(np.split(self.batch_sum[span] / self.batch_weight[index], 2))
        moving = tuple(np.split(self.latest[span], 2))
        weight = self.initial_weight(index)
        initial = self.initial_vector()[span]
        first_variance = np.split(self.first[span], 2)[1]
        ratios = sorted(item[1][index] for item in self.variances)
        median = ratios[len(ratios) // 2] if ratios else None
        largest = max(self.variances, key=lambda item: item[1][index]) if ratios else None
        return {
            "name": layer.name,
            "path": layer.path,
            "class": type(layer.layer).__name__,
            "channels": layer.channels,
            "axis": getattr(layer.layer, "axis", None),
            "momentum": float(self.momenta[index]),
            "epsilon": layer.epsilon,
            "trainable": bool(layer.layer.trainable),
            "calls": self.calls[index],
            "updates": int(round(self.updates[index])),
            "steps": self.steps,
            "looked": self.looked,
            "changed": int(self.changed[index]),
            "initial_at_start": bool(np.array_equal(self.start[span], initial)) if self.start_known else None,
            "initial_at_first": bool(np.array_equal(self.first[span], initial)) if self.first_known else None,
            "initial_at_end": bool(np.array_equal(self.latest[span], initial)),
            "moved": not np.array_equal(self.latest[span], self.start[span]),
            "restored": self.restored,
            "debiased": self.are_debiased[index],
            "initial_weight": weight,
            "moving": _means(moving),
            "batch": None if batch is None else _means(batch),
            "remaining": None if batch is None else _remaining(moving, batch),
            "initial_share": float((weight * first_variance / np.maximum(moving[1], 1e-30)).max()),
            "available": available,
            "error_bound": float(self.bounds[index]),
            "spread": self._spread(index) if available and self.single > 1 else None,
            "largest_variance": None
            if not median or median <= 0
            else {"ratio": largest[1][index] / median, "step": largest[0]},
        }

    def _spread(self, index):
        span = self.spans[index]
        deviation = np.sqrt(self.squares[span] / self.single)
        mean_deviation = np.split(deviation, 2)[0]
        within = np.sqrt(np.maximum(np.split(self.mean_of_means[span], 2)[1], 1e-12))
        return float(np.median(mean_deviation / within))


def _means(pair):
    return {"mean": float(np.mean(pair[0])), "variance": float(np.mean(pair[1]))}


def _remaining(moving, batch):
    return {
        "mean": batch_norm.remaining(moving[0], np.asarray(batch[0]), batch_norm.INITIAL_MEAN),
        "variance": batch_norm.remaining(moving[1], np.asarray(batch[1]), batch_norm.INITIAL_VARIANCE),
    }
