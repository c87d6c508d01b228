"""What was measured, as events and arrays."""

import resource

import numpy as np

from repro_recorder import batch_norm, limits, values

CALLS = {"inference": "model(x, training=False)", "training": "model(x, training=True)"}


def peak_memory_bytes():
    """Return the largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def write(recording, fit, which, call, measured, made, missing):
    """Write the events of one set of samples."""
    stem = "fit-{}-{}".format(fit, which if call is None else "call-{}".format(call))
    for (phase, alone), figures in sorted(measured.figures.items()):
        name = "{}-{}{}".format(stem, phase, "-alone" if alone else "")
        labels = figures["labels"]
        recording.send(
            "measured",
            fit=fit,
            set=which,
            call=call,
            phase=phase,
            alone=alone,
            labels=None if labels is None else labels.tolist(),
            outputs=_saved(recording, name, figures["outputs"]),
            **_numbers(figures, "batch_size", "samples", "not_finite_rows", "problem"),
        )
        if alone or which == "call":
            continue
        _for_readers_of_runs(recording, which, phase, figures)
    if which != "call":
        layers, firsts = measured.comparison.report()
        recording.send(
            "layer_phases",
            fit=fit,
            set=which,
            call=call,
            batch_size=measured.batch_size,
            samples=measured.rows,
            layers=layers,
            **firsts,
        )
        _not_finite(recording, fit, layers)
    for number, trial in enumerate(made):
        outputs = _saved(recording, "{}-trial-{}".format(stem, number), trial.get("outputs") or [])
        fields = {key: trial[key] for key in ("kind", "momentum", "batch_size", "parameter", "available", "reason")}
        figures = _numbers(dict(dict.fromkeys(("loss", "metrics", "accuracy", "right")), **trial))
        recording.send(
            "trial",
            fit=fit,
            set=which,
            call=call,
            outputs=outputs,
            deviation=trial.get("deviation"),
            **dict(figures, **fields),
        )
    for what, reason in missing:
        recording.missing("{} ({})".format(what, which), reason, fit)
    if recording.owner.with_data:
        for side, structure in (("x", measured.x), ("y", measured.y)):
            _save_samples(recording, fit, which, "{}-{}".format(stem, side), values.leaves(structure, side))


def _save_samples(recording, fit, which, stem, leaves):
    """Save the arrays of one side: STEM.npy, or STEM-0.npy... in the order of the inputs, whose names may be long."""
    for number, (name, leaf) in enumerate(leaves):
        if recording.journal.save(stem if len(leaves) == 1 else "{}-{}".format(stem, number), leaf) is None:
            recording.missing("samples {} ({})".format(name, which), "too large, or not numbers", fit)


def _numbers(figures, *more):
    return {name: figures.get(name) for name in ("loss", "metrics", "accuracy", "right") + more}


def _saved(recording, name, outputs):
    if not outputs or outputs[0].dtype.kind not in "fiub":
        return None
    return recording.journal.save(name, outputs[0])


def _for_readers_of_runs(recording, which, phase, figures):
    """Write the events that every run has."""
    accuracy = figures["accuracy"] if figures["accuracy"] is not None else figures["right"]
    loss = float("nan") if figures["loss"] is None else figures["loss"]
    scores = figures["scores"]
    rows = None
    if scores is not None and len(scores):
        rows = scores[: max(1, limits.INLINE_NUMBERS // scores.shape[1])].tolist()
    call = CALLS[phase]
    if which == "validation":
        if phase == "inference":
            recording.send("validated", epoch=recording.epochs, loss=loss, accuracy=accuracy, call=call)
        return
    probabilities = rows if phase == "training" else None
    recording.send(
        "evaluated",
        epoch=recording.epochs,
        phase=phase,
        loss=loss,
        accuracy=accuracy,
        call=call,
        probabilities=probabilities,
    )
    if phase == "inference" and rows is not None:
        recording.send("predicted", epoch=recording.epochs, probabilities=rows, call=call, seconds=0.0)


def _not_finite(recording, fit, layers):
    bad = [layer["name"] for layer in layers if layer["not_finite"]]
    if bad and "output" not in recording.first_not_finite:
        recording.first_not_finite.add("output")
        recording.send(
            "not_finite",
            fit=fit,
            epoch=recording.epochs,
            step=None,
            what="output",
            names=bad[:100],
            rows=[],
            layer=bad[0],
        )


def drift(recording, statistics, batch_pairs):
    """Write `batch_norm_measured`: moving statistics against those of the samples, at the weights that `fit` left."""
    if not statistics.layers or batch_pairs is None:
        return
    moving = statistics.pairs(statistics.latest)
    layers, places = [], []
    for place, (layer, pair) in enumerate(zip(statistics.layers, batch_pairs)):
        if pair is not None:
            places.append(place)
            layers.append(batch_norm.layer_drift(layer.name, moving[place], pair))
    if not places:
        return
    momenta = statistics.momenta[places]
    recording.send(
        "batch_norm_measured",
        epoch=recording.epochs,
        updates=int(round(statistics.updates[places].max())),
        momentum=float(np.median(momenta)),
        initial_weight=max(statistics.initial_weight(place) for place in places),
        moving_to_batch_distance=batch_norm.median_distance(layers),
        layers=layers,
        batches=None,
    )


def statistics_arrays(recording, statistics, fit):
    """Save the moving statistics before and after a fit, and what single steps gave."""
    if not statistics.layers:
        return
    journal = recording.journal
    journal.save("fit-{}-moving".format(fit), statistics.latest.astype(np.float32))
    journal.save("fit-{}-initial".format(fit), statistics.start.astype(np.float32))
    if statistics.variances:
        journal.save("fit-{}-steps".format(fit), np.array([step for step, _ in statistics.variances], np.int64))
        table = np.array([row for _, row in statistics.variances], np.float32)
        journal.save("fit-{}-variances".format(fit), table)
