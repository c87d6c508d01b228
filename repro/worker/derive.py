"""A run that is not trained: weights and statistics come from a traced run of the same training."""

from repro_worker import training, what_if


def derive(adapter, request, channel):
    """Answer a request of kind "derive": the epochs of the traced run, and the scenario's own measurements."""
    run, _ = training.begin(adapter, request, channel)
    source = request["source"]
    oracle = what_if.Oracle(adapter, request)
    layers = len(adapter.batch_norm_layers())
    run.calls_per_step = lambda: [1] * layers  # of any other number there is no trace
    run.stage("measure")
    for epoch, (loss, accuracy, seconds) in enumerate(source["epochs"], 1):
        channel.send("epoch_finished", epoch=epoch, loss=loss, accuracy=accuracy, seconds=seconds)
        if epoch in request["measured_epochs"]:
            oracle.put_in({"epoch": epoch, "momentum": None, "statistics": "moving"})
            run.measure(epoch)
    channel.send("fit_finished", call="none: derived from the traced run " + source["run"], seconds=0.0)
    training.finish(run)
