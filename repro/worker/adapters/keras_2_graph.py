"""What the static graph of Keras 2 tells of BatchNormalization layers: their calls, updates and batch statistics."""

# Operations that do something to a variable, which are in no layer's name scope.
WITHOUT_READING = ("Assign", "IsVariableInitialized", "VarIsInitialized")


class LayerCalls:
    """How one layer is called in a model.

    `statistics`: the (mean, variance) tensors of each call that the model's input reaches; `updates`: how many of them
    a training step averages; `reads`: whether there is a call with training=False; `debiased`: whether TensorFlow
    divides the averages by 1 - momentum ** updates.
    """

    def __init__(self, tf, layer, reached, step_updates):
        """`reached`: operations that depend on the model's input; `step_updates`: ids of what a training step runs."""
        self.debiased = False
        updates = list(getattr(layer, "_updates", None) or layer.updates)
        pairs = list(zip(updates[::2], updates[1::2]))
        values = [self._averaged(layer, pair) for pair in pairs]
        if len(pairs) > 1:  # a layer of a nested model was first called on that model's own input
            live = [index for index, (mean, _) in enumerate(values) if mean.op in reached]
            pairs, values = [pairs[index] for index in live], [values[index] for index in live]
        self.statistics = values
        self.scope = pairs[0][0].name.rpartition("/")[0] if pairs else ""
        self.updates = sum(id(pair[0]) in step_updates for pair in pairs)
        self.reads = False
        if not values:
            inputs = [node.input_tensors[0] for node in nodes(layer)]
            inputs = [tensor for tensor in inputs if tensor.op in reached]
            self.reads = bool(inputs)
            self.statistics = [moments(tf, layer, tensor) for tensor in inputs]

    def _averaged(self, layer, pair):
        found = []
        for variable, update in zip((layer.moving_mean, layer.moving_variance), pair):
            value, debiased = averaged_value(variable, update)
            self.debiased = self.debiased or debiased
            found.append(value)
        return tuple(found)

    def reason_against_trace(self, layer):
        """Why the averages of another momentum cannot be replayed from one row a step; None: they can."""
        if self.reads:
            return "is called with training=False: training reads the moving statistics"
        if self.updates != len(self.statistics):
            return "is never updated in training"
        if self.updates > 1:
            return "is called {} times in a training step".format(self.updates)
        if any(is_read_outside(variable, self.scope) for variable in (layer.moving_mean, layer.moving_variance)):
            return "is not alone in reading its moving statistics: training may do so, too"
        return None


def nodes(layer):
    """Keras's records of the layer's calls; empty for a layer that only another layer calls."""
    return getattr(layer, "_inbound_nodes", None) or getattr(layer, "inbound_nodes", None) or []


def moments(tf, layer, tensor):
    """Mean and population variance over all axes but the layer's own."""
    rank = len(tensor.shape)
    return tf.nn.moments(tensor, [place for place in range(rank) if place != layer.axis % rank])


def reached_operations(tensors):
    """All operations that depend on one of the tensors."""
    seen, queue = set(), [tensor.op for tensor in tensors]
    while queue:
        operation = queue.pop()
        if operation not in seen:
            seen.add(operation)
            queue.extend(consumer for output in operation.outputs for consumer in output.consumers())
    return seen


def averaged_value(variable, update):
    """`value` of assign_moving_average(variable, value, ...), and whether the average is divided to be unbiased.

    It is what is subtracted from the variable in its update.
    """
    debiased = False
    queue, seen = [update.op if hasattr(update, "op") else update], set()
    while queue:
        operation = queue.pop(0)
        if operation in seen:
            continue
        seen.add(operation)
        if operation.type == "Sub" and reads_variable(operation.inputs[0].op):
            if operation.inputs[1].op.type != "RealDiv":
                return operation.inputs[1], debiased
            # variable - biased / (1 - momentum ** step), which waits for biased - (biased - value) * (1 - momentum)
            debiased = True
        queue.extend([tensor.op for tensor in operation.inputs] + list(operation.control_inputs))
    raise ValueError("no batch statistic found for {}".format(variable.name))


def reads_variable(operation):
    """Whether the operation is a variable, or reads one."""
    if operation.type == "Identity":
        operation = operation.inputs[0].op
    return operation.type in ("Variable", "VariableV2", "VarHandleOp", "ReadVariableOp")


def is_read_outside(variable, scope):
    """Whether an operation uses the variable's value that is neither in that name scope nor in the variable's own."""
    scopes = scope + "/", variable.op.name.rpartition("/")[0] + "/"
    queue = [variable.op.outputs[0]]
    while queue:
        for operation in queue.pop().consumers():
            if operation.type in ("Identity", "ReadVariableOp"):
                queue.extend(operation.outputs)
            elif not operation.name.startswith(scopes) and not operation.type.startswith(WITHOUT_READING):
                return True
    return False
