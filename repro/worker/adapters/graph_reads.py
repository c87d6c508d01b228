"""Whether a training step of TensorFlow 2 depends on a variable, seen in the graph that it was traced to."""

FUSED = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")  # inputs: x, scale, offset, mean, variance


def is_read(graph, variables):
    """Whether values of these variables reach anything in the graph but the variables themselves."""
    handles = [handle_of(variable) for variable in variables]
    inside = [placeholder for outer, placeholder in graph.captures if any(outer is handle for handle in handles)]
    own = set(map(id, inside))
    seen, queue = set(), list(inside)
    while queue:
        tensor = queue.pop()
        for operation in tensor.consumers():
            if operation.type.startswith("Assign"):
                if id(operation.inputs[0]) not in own:
                    return True
                continue
            if is_opaque(operation):
                return True
            for output in affected(operation, tensor):
                if id(output) not in seen:
                    seen.add(id(output))
                    queue.append(output)
    return False


def handle_of(variable):
    """The handle of a variable of TensorFlow or Keras 3."""
    return (variable if hasattr(variable, "handle") else variable.value).handle


def is_opaque(operation):
    """Whether an operation updates a variable it is given by handle, or runs a graph of its own."""
    return "Apply" in operation.type or any(value.type in ("func", "list(func)") for value in operation.op_def.attr)


def affected(operation, tensor):
    """Outputs of the operation that depend on one of its inputs."""
    if operation.type in FUSED and operation.get_attr("is_training"):
        places = [place for place, value in enumerate(operation.inputs) if value is tensor]
        if min(places) >= 3:
            return operation.outputs[1:3]  # the averages; it normalizes with the batch's own statistics
    return operation.outputs
