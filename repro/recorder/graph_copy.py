"""A copy of a TensorFlow 1 graph, in a session of its own.

An operation added to the program's graph, or a random one run in its session, would change later random numbers. In the
copy BatchNormalization layers have a phase of their own: their conditions read another placeholder.
"""

import numpy as np

from repro_recorder import phases

PHASE = "repro_batch_norm_phase"


SUBTRACTING = ("AssignSub", "AssignSubVariableOp")


def update_value(update):
    """Return the tensor that an update of a moving statistic averages in: x -= (x - value) * (1 - momentum)."""
    operation = update.op if hasattr(update, "op") else update
    if operation.type not in SUBTRACTING:
        return None
    if is_debiased(operation):
        return _value_of_biased(operation)
    for difference in operation.inputs[1].op.inputs:
        if difference.op.type == "Sub":
            return difference.op.inputs[1]
    return None


def is_debiased(operation):
    """Return whether an update takes the initial value out: x -= x - biased / (1 - momentum ** updates).

    So Keras 2.1.3 to 2.2.5 does, with a variable of TensorFlow's own for the biased average.
    """
    difference = operation.inputs[1].op
    return difference.type == "Sub" and difference.inputs[1].op.type == "RealDiv"


def _value_of_biased(operation):
    """Return what the biased average averages in: its update is waited for before it is read."""
    waiting, seen = [operation.inputs[1].op], set()
    while waiting:
        each = waiting.pop(0)
        if each in seen:
            continue
        seen.add(each)
        if each is not operation and each.type in SUBTRACTING:
            return update_value(each)
        waiting += [tensor.op for tensor in each.inputs] + list(each.control_inputs)
    return None


def updates_of(model, layer, variable):
    """Return the updates of a variable whose averaged value is known: the model's, or those of a frozen layer.

    Keras 2.1.3 to 2.2.5 leaves the latter out of the model's; here they only tell what a batch would give.
    """
    found = _updates_of(model.updates, variable)
    if found:
        return found
    inputs = {tensor.op for tensor in model.inputs}
    return [each for each in _updates_of(getattr(layer, "_updates", []), variable) if _inputs_of(each) <= inputs]


def _inputs_of(operation):
    """Return the placeholders for data that an operation rests on."""
    seen, waiting, placeholders = {operation}, [operation], set()
    while waiting:
        each = waiting.pop()
        if each.type == "Placeholder" and "keras_learning_phase" not in each.name:
            placeholders.add(each)
        for tensor in each.inputs:
            if tensor.op not in seen:
                seen.add(tensor.op)
                waiting.append(tensor.op)
    return placeholders


def _updates_of(updates, variable):
    found = []
    for update in updates:
        operation = update.op if hasattr(update, "op") else update
        if operation.inputs and operation.inputs[0].op is variable.op and update_value(operation) is not None:
            found.append(operation)
    return found


class GraphCopy:
    """The part of the graph that outputs, loss, layers and batch statistics need, with the weights of now."""

    def __init__(self, view):
        self.view = view
        tf, model = view.tf, view.model
        graph = view.graph()
        pairs = [
            list(zip(*(updates_of(model, each.layer, variable) for variable in (each.mean, each.variance))))
            for each in view.moving()
        ]
        statistics = [[tuple(update_value(update) for update in pair) for pair in calls] for calls in pairs]
        compiled = hasattr(model, "total_loss")
        self.metric_names = list(model.metrics_names[1:]) if compiled else []
        wanted = {
            "inputs": list(getattr(model, "_feed_inputs", model.inputs)),
            "outputs": list(model.outputs),
            "targets": list(model._feed_targets) if compiled else [],
            "weights": list(model._feed_sample_weights) if compiled else [],
            "metrics": list(model.metrics_tensors) if compiled else [],
        }
        if compiled:
            wanted["loss"] = [model.total_loss]
        flat = [tensor for calls in statistics for pair in calls for tensor in pair]
        layers = [
            (node.outbound_layer, node.output_tensors[0])
            for node in view.nodes()
            if type(node.outbound_layer).__name__ != "InputLayer"
        ]
        variables = view.tf_variables()
        learning_phase = view.engine._GRAPH_LEARNING_PHASES.get(graph)
        names = {tensor.op.name for part in wanted.values() for tensor in part}
        names |= {tensor.op.name for tensor in flat} | {tensor.op.name for _, tensor in layers}
        names |= {name for each in variables for name in (each.initializer.name, each.value().op.name)}
        if hasattr(learning_phase, "op"):
            names.add(learning_phase.op.name)
        definition = tf.graph_util.extract_sub_graph(graph.as_graph_def(), sorted(names))
        self.graph = tf.Graph()
        self._separate_phases(tf, definition, learning_phase, view.moving())
        with self.graph.as_default():
            tf.import_graph_def(definition, name="")
        self.inputs, self.outputs = self._tensors(wanted["inputs"]), self._tensors(wanted["outputs"])
        self.targets, self.weights = self._tensors(wanted["targets"]), self._tensors(wanted["weights"])
        self.loss = self._tensors(wanted["loss"])[0] if compiled else None
        self.metrics = self._tensors(wanted["metrics"])
        self.statistics = [[tuple(self._tensors(pair)) for pair in calls] for calls in statistics]
        self.moving_reads = [self._tensors([each.mean.value(), each.variance.value()]) for each in view.moving()]
        self.learning_phase = self._tensors([learning_phase])[0] if hasattr(learning_phase, "op") else None
        self.layers = [(layer, self._tensors([tensor])[0]) for layer, tensor in layers]
        self._captured = None
        self.rows_like = None
        self.session = tf.Session(graph=self.graph)
        self._load(variables)

    def _tensors(self, tensors):
        return [self.graph.get_tensor_by_name(tensor.name) for tensor in tensors]

    def _separate_phases(self, tf, definition, learning_phase, moving):
        """Let the conditions of BatchNormalization layers read a placeholder of their own."""
        self.batch_norm_phase = None
        if not hasattr(learning_phase, "op"):
            return
        nodes = {node.name: node for node in definition.node}
        scopes = {}
        for each in moving:
            for consumer in each.mean.value().consumers():
                if consumer.type == "Switch" and consumer.inputs[1].op.name.endswith("/pred_id"):
                    scopes[consumer.inputs[1].op.name[: -len("pred_id")]] = True
        if not scopes:
            return
        placeholder = definition.node.add()
        placeholder.CopyFrom(nodes[learning_phase.op.name])
        placeholder.name = PHASE
        for scope in scopes:
            for name in ("Switch", "pred_id"):
                node = nodes.get(scope + name)
                if node is not None:
                    inputs = [PHASE if each.split(":")[0] == learning_phase.op.name else each for each in node.input]
                    del node.input[:]
                    node.input.extend(inputs)
        self.batch_norm_phase = PHASE + ":0"

    def _load(self, variables):
        """Give the copy the weights of now, a group at a time."""
        from repro_recorder import keras_2

        for group in keras_2.in_groups(variables):
            feed, operations = {}, []
            for variable, value in zip(group, self.view.read(group)):
                operation = self.graph.get_operation_by_name(variable.initializer.name)
                feed[operation.inputs[1]] = value
                operations.append(operation)
            self.session.run(operations, feed_dict=feed)

    def phase_feed(self, batch_norm, stochastic):
        """Return the feed that sets the phases."""
        feed = {}
        if self.learning_phase is not None:
            feed[self.learning_phase] = bool(stochastic)
        if self.batch_norm_phase is not None:
            feed[self.batch_norm_phase] = bool(batch_norm)
        return feed

    def statistics_feed(self, pairs):
        """Return the feed that puts other moving statistics in."""
        feed = {}
        for tensors, pair in zip(self.moving_reads, pairs):
            for tensor, value in zip(tensors, pair):
                feed[tensor] = np.reshape(value, [int(side) for side in tensor.shape])
        return feed

    def captured(self):
        """Return each call of a layer with tensors for its shape, a part of its output, and its units' figures."""
        if self._captured is None:
            self._captured = []
            calls = {}
            tf = self.view.tf
            with self.graph.as_default():
                self.rows_like = tf.placeholder(tf.int32, (), "repro_rows_like")
                for layer, tensor in self.layers:
                    calls[id(layer)] = calls.get(id(layer), -1) + 1
                    if tensor.dtype.is_floating and tensor.shape.ndims:
                        tensors = self._sampled(tf, tensor)
                        self._captured.append({"layer": layer, "call": calls[id(layer)], "tensors": tensors})
        return self._captured

    def _sampled(self, tf, tensor):
        shape = tf.shape(tensor)
        table = tf.reshape(tensor, tf.stack([shape[0], -1]))
        features = tf.shape(table)[1]
        most = phases.VALUES_A_LAYER
        stride = tf.maximum(1, tf.minimum(features, (self.rows_like * features + most - 1) // most))
        units = tf.reshape(tensor, tf.stack([-1, shape[-1]])) if tensor.shape.ndims > 1 else tf.reshape(tensor, [-1, 1])
        bad = tf.reduce_sum(tf.cast(tf.logical_not(tf.is_finite(units)), tf.int32))
        return (shape, table[:, ::stride], tf.reduce_min(units, 0), tf.reduce_max(units, 0), bad)

    def close(self):
        """Let go of the copy."""
        self.session.close()
