"""Sees what BatchNormalization layers do in a training step on TensorFlow 2, without changing it.

Layers and `train_step` are wrapped on the objects themselves. A wrapper adds no operation in front of or between those
of the model, since seeds of random operations follow from their number; a trace's operations come last in the step.
"""

import contextlib
import functools

import numpy as np

from repro_worker.adapters import graph_reads
from repro_worker.batch_norm import calls_apart, mean_over_calls


class StepWatch:
    """The calls of each layer in the training step that was traced last, and for a trace the batch statistics."""

    def __init__(self, adapter, traced):
        """`traced`: the step is to keep its batch statistics."""
        self.tf, self.adapter = adapter.tf, adapter
        self.layers = adapter.batch_norm_layers()
        self.calls, self.statistics, self.measured, self.values = None, None, None, None
        self.calls_apart = [None] * len(self.layers)  # of each layer, in the last pass that was measured
        self.graph, self.in_step = None, False
        self.reason = "the model's fit does not call its train_step"
        hidden = self.tf.autograph.experimental.do_not_convert
        self._begin, self._end, self._note = map(hidden, (self._begin_step, self._end_step, self._note_call))
        for index, layer in enumerate(self.layers):
            self._watch(index, layer)
        self._watch_step(adapter.model)
        if traced:
            self.values = [
                tuple(self.tf.Variable(np.zeros(weight.shape, np.float32), trainable=False) for weight in moving(layer))
                for layer in self.layers
            ]
            for index, layer in enumerate(self.layers):
                adapter.watch_statistics(layer, hidden(functools.partial(self._note_statistics, index)))

    def _watch(self, index, layer):
        literal = layer.call

        @wraps(literal)
        def call(*args, **kwargs):
            measuring = self._note(index, *args, **kwargs)
            outputs = literal(*args, **kwargs)
            if measuring:
                self.measured[index].append(read(layer))
            return outputs

        layer.call = call

    def _watch_step(self, model):
        literal = getattr(model, "train_step", None)
        if literal is None:
            return

        @wraps(literal)
        def train_step(*args, **kwargs):
            self._begin()
            logs = literal(*args, **kwargs)
            self._end()
            return logs

        model.train_step = train_step

    def _current_graph(self):
        return None if self.tf.executing_eagerly() else self.tf.compat.v1.get_default_graph()

    def _begin_step(self):
        self.graph, self.in_step = self._current_graph(), True
        self.calls = [[] for _ in self.layers]
        self.statistics = [[] for _ in self.layers]

    def _note_call(self, index, inputs, training=None, **_):
        """Note one call; True where the caller has to read the statistics that it leaves in the layer."""
        trains = self.adapter.trains(self.layers[index], training)
        if self.measured is not None:
            return self._measure(index, inputs, trains)
        if self.in_step:
            looped = self._current_graph() is not self.graph
            self.calls[index].append(Call(trains, looped))
            if trains and not looped and self.values is not None and self.adapter.statistics_from_input:
                self.statistics[index].append(inputs)
        return False

    def _note_statistics(self, index, pair):
        if self.in_step and self._current_graph() is self.graph:
            self.statistics[index].append(pair)

    def _end_step(self):
        """Add to the step that it keeps its batch statistics, unless the trace will be refused."""
        self.in_step = False
        self.reason = None if self.values is None else self._reason()
        if self.values is not None and self.reason is None:
            for layer, variables, (noted,) in zip(self.layers, self.values, self.statistics):
                pair = self.adapter.input_statistics(layer, noted) if self.adapter.statistics_from_input else noted
                for variable, value in zip(variables, pair):
                    variable.assign(self.tf.cast(value, variable.dtype))
        self.statistics = None

    # --- what was seen ---

    def calls_per_step(self):
        """For each layer how often a step updates its averages; None where that cannot be told."""
        if self.calls is None:
            return [None] * len(self.layers)
        return [
            None if any(call.looped or call.trains is None for call in calls) else sum(call.trains for call in calls)
            for calls in self.calls
        ]

    def reason_against_trace(self):
        """Why the averages of other momenta cannot be replayed from one row a step; None: they can, as far as seen."""
        return self.reason

    def _reason(self):
        for layer, calls, statistics in zip(self.layers, self.calls, self.statistics):
            reason = self._reason_in_calls(layer, calls)
            if reason is None and self.values is not None and len(statistics) != 1:
                reason = "does not compute its batch statistics as Keras's own layer does"
            if reason is None and self.graph is not None and graph_reads.is_read(self.graph, moving(layer)):
                reason = "is not alone in reading its moving statistics: training does, too"
            if reason is not None:
                return "{} {}".format(layer.name, reason)
        return None

    @staticmethod
    def _reason_in_calls(layer, calls):
        if getattr(layer, "renorm", False):
            return "renormalizes: training reads the moving statistics"
        if not calls:
            return "is not called in a training step"
        if any(call.looped or call.trains is None for call in calls):
            return "is called in a loop or a branch of the graph"
        if not all(call.trains for call in calls):
            return "is called with training=False: training reads the moving statistics"
        if len(calls) > 1:
            return "is called {} times in a training step".format(len(calls))
        return None

    def batch_statistics(self):
        """(mean, variance) of each layer in the last step."""
        return [tuple(np.array(variable) for variable in pair) for pair in self.values]

    # --- the statistics of one eager forward pass ---

    def begin_pass(self):
        """Note statistics from here on: layers have momentum 0, so that each call leaves its own in the layer."""
        self.measured = [[] for _ in self.layers]
        self.looped = set()

    def _measure(self, index, inputs, trains):
        layer = self.layers[index]
        if not self.tf.executing_eagerly():
            self.looped.add(index)
            return False
        if trains:
            # moving - (moving - batch) is exactly `batch` from 0 only
            for weight in moving(layer):
                weight.assign(np.zeros(weight.shape, np.float32))
            return True
        self.measured[index].append(tuple(np.array(value) for value in input_moments(self.tf, layer, inputs)))
        return False

    def end_pass(self):
        """(mean, variance) of each layer, the mean over its calls; None for a layer that was not called."""
        for index in self.looped:
            self.measured[index].append(read(self.layers[index]))
        calls_of_layers, self.measured = self.measured, None
        self.calls_apart = [calls_apart(calls) for calls in calls_of_layers]
        return [mean_over_calls(calls) if calls else None for calls in calls_of_layers]


@contextlib.contextmanager
def watched_outputs(layers, take):
    """Inside, `take(layer, array)` is called with each output of these layers in an eager pass."""
    literals = [layer.__dict__.get("call") for layer in layers]
    for layer in layers:
        layer.call = _showing(layer, layer.call, take)
    try:
        yield
    finally:
        for layer, literal in zip(layers, literals):
            if literal is None:
                del layer.call
            else:
                layer.call = literal


def _showing(layer, literal, take):
    @wraps(literal)
    def call(*args, **kwargs):
        outputs = literal(*args, **kwargs)
        if hasattr(outputs, "numpy"):
            take(layer, outputs.numpy())
        return outputs

    return call


def wraps(function):
    """functools.wraps that leaves alone what a decorator put on `function`."""
    return functools.wraps(function, assigned=("__name__", "__doc__"), updated=())


class Call:
    """One call of a layer in a step."""

    def __init__(self, trains, looped):
        self.trains = trains
        self.looped = looped


def moving(layer):
    """The layer's two moving statistics."""
    return layer.moving_mean, layer.moving_variance


def read(layer):
    """Their values."""
    return tuple(np.array(weight) for weight in moving(layer))


def input_moments(tf, layer, inputs):
    """Mean and population variance of a layer's input over all axes but the layer's own."""
    axis = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    rank = len(inputs.shape)
    kept = {place % rank for place in axis}
    return tf.nn.moments(tf.cast(inputs, tf.float32), [place for place in range(rank) if place not in kept])
