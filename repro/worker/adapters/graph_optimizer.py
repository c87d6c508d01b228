"""Which passes of TensorFlow's graph optimizer (grappler) a worker leaves out to begin sooner.

They rearrange the graph and change no kernel that computes a figure of the report's network:
tests/real/test_same_bits.py compares weights and evaluations with a plain script's bit for bit. Leaving out common
subgraph elimination or the dependency optimizer too does change the bits.
"""

# Of a first step of 12 s, these take 3 s (one core, ResNet50 at 197 x 197).
LEFT_OUT = ("second iteration", "memory", "pruning", "tfg", "loop", "shape", "implementation selector")


def leave_out_passes():
    """Have functions that this thread calls from now on optimized without LEFT_OUT; the names of what is left out.

    tf.config.optimizer.set_experimental_options knows only some of them; the function call options hold all.
    """
    from tensorflow.core.protobuf import rewriter_config_pb2
    from tensorflow.python.eager import context

    proto = context.context().config
    rewrites, rewriter = proto.graph_options.rewrite_options, rewriter_config_pb2.RewriterConfig
    rewrites.meta_optimizer_iterations = rewriter.ONE
    rewrites.memory_optimization = rewriter.NO_MEM_OPT
    rewrites.disable_model_pruning = True
    rewrites.disable_tfg_optimizer = True
    rewrites.loop_optimization = rewriter.OFF
    rewrites.shape_optimization = rewriter.OFF
    rewrites.implementation_selector = rewriter.OFF
    context.context().function_call_options = context.FunctionCallOptions(config_proto=proto)
    return list(LEFT_OUT)
