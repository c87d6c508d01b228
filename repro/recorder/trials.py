"""Trials on the samples that passed: one forward pass each, at the weights that `fit` left."""

import functools

import numpy as np

from repro_recorder import limits, scores, values

BATCHES = (8, 32, 128)
MOST_COARSE = 0.2  # weight of steps between which nothing was looked at
MOST_INPUTS = 8
FEWEST_BATCHES = 5  # of which a median says something
OUTLYING = 4.0  # times the variance of the median batch
FACTORS = (255.0, 1.0 / 255.0, 127.5, 1.0 / 127.5)


def planned(measured, plan):
    """Yield the trials, most telling first; each a dict with `make`, which returns its figures."""
    if plan.fit_pairs is not None:
        yield trial(
            "statistics-of-fit", lambda: measured.passed(measured.lens.begin_pass(False, statistics=plan.fit_pairs))
        )
    if plan.statistics is not None:
        yield from _statistics(measured, plan.statistics)
    if plan.which == "fit":
        yield from _phases(measured)
    yield from _classes(measured)
    if plan.which == "fit" or _worse(measured.figures["inference", False], plan.fit_figures):
        yield from _inputs(measured, plan)


def _worse(figures, in_fit):
    """Return whether samples that were not trained on are answered worse than those that were, or cannot be told."""
    if in_fit is None:
        return True
    if figures["right"] is not None and in_fit["right"] is not None:
        return figures["right"] < in_fit["right"] - limits.WORSE_SHARE
    if figures["loss"] is None or in_fit["loss"] is None:
        return True
    return not figures["loss"] <= in_fit["loss"] * limits.WORSE_LOSS


def trial(kind, make, available=True, reason=None, momentum=None, batch_size=None, parameter=None, cost=1.0):
    """Return a trial that is not made yet; `cost` in passes of the samples."""
    return {
        "kind": kind,
        "make": make,
        "available": available,
        "reason": reason,
        "momentum": momentum,
        "batch_size": batch_size,
        "parameter": parameter,
        "deviation": None,
        "cost": cost,
    }


def _statistics(measured, statistics):
    """Yield trials with other moving statistics in inference phase."""
    lens = measured.lens

    def with_pairs(pairs):
        return lambda: measured.passed(lens.begin_pass(False, statistics=pairs))

    pairs = measured.batch_pairs
    usable = pairs is not None and any(pair is not None for pair in pairs)
    reason = None if usable else "no layer has batch statistics"
    moved = [index for index in range(len(statistics.layers)) if statistics.updates[index]]
    if any(statistics.are_debiased[index] for index in moved):
        yield trial("debiased", None, False, "this Keras takes the initial values out of its averages itself")
    elif moved:  # first, since it tells how long a pass in large batches takes
        yield trial("debiased", with_pairs(statistics.debiased()))
    estimates = _Estimates(measured)
    yield trial("re-estimated", estimates.mean, usable, reason, cost=1.5)
    if len(measured.slices()) >= FEWEST_BATCHES:
        yield trial("re-estimated-median", estimates.median, usable, reason)
    if lens.stochastic_layers():
        yield trial("re-estimated-as-trained", lambda: _with_training_statistics(measured), usable, reason)
    if not moved:
        yield trial("momentum", None, False, "no moving statistic changed in training")
        return
    if statistics.replays is None:
        yield trial("momentum", None, False, "a callback has put other weights in after the last step")
        return
    problems = [statistics.layers[index].name for index in moved if not statistics.available(index)]
    reason = "the batch statistics of {} could not be worked out".format(problems[0]) if problems else None
    check = {"deviation": None}

    def at_own():
        figures = measured.passed(lens.begin_pass(False, statistics=statistics.pairs(statistics.own_replay)))
        check["deviation"] = figures["deviation"] = _difference(
            figures["outputs"], measured.figures["inference", False]["outputs"]
        )
        return figures

    def at(momentum):
        figures = measured.passed(lens.begin_pass(False, statistics=statistics.pairs(statistics.replays[momentum])))
        return dict(figures, deviation=check["deviation"])

    yield trial("own-momentum", at_own, reason is None, reason)
    for momentum in limits.MOMENTA:
        coarse = statistics.coarse[momentum]
        own = all(statistics.momenta[index] == momentum for index in moved)  # exact, however few steps were looked at
        if reason is None and coarse > MOST_COARSE and not own:
            reason_here = "steps that weigh {:.0%} were not looked at one by one".format(coarse)
        else:
            reason_here = reason
        yield trial(
            "momentum",
            functools.partial(at, momentum),
            reason_here is None,
            reason_here,
            momentum,
            parameter={"coarse_weight": coarse},
        )


def _difference(outputs, others):
    """Return the largest difference of two lists of outputs; None where they hold no numbers."""
    differences = [
        np.abs(np.asarray(output, np.float64) - np.asarray(other, np.float64)).max()
        for output, other in zip(outputs, others)
        if output.shape == other.shape and output.size
    ]
    return float(max(differences)) if differences else None


def _with_training_statistics(measured):
    """Return figures with the mean statistics of the batches in training phase, dropout and the like included."""
    lens = measured.lens
    pairs = [own if pair is None else pair for pair, own in zip(measured.batch_pairs, lens.moving_pairs())]
    return measured.passed(lens.begin_pass(False, statistics=pairs))


class _Estimates:
    """Batch statistics of one pass in which BatchNormalization alone is in training phase, made when first needed."""

    def __init__(self, measured):
        self.measured = measured
        self.batches = None  # of each batch: rows, and (mean, variance) of each layer or None

    def passed(self):
        """Return (rows, pairs) of each batch."""
        if self.batches is None:
            self.batches = []
            estimating = self.measured.lens.begin_pass(False, batch_norm=True, stochastic=False)
            for rows in self.measured.slices():
                estimating.batch(*self.measured.part(rows))
                pairs = [
                    tuple(np.mean([pair[half] for pair in calls], 0) for half in (0, 1)) if calls else None
                    for calls in estimating.batch_statistics
                ]
                self.batches.append((rows.stop - rows.start, pairs))
        return self.batches

    def mean(self):
        """Return figures with the mean statistics of all batches."""
        return self._figures(lambda parts, rows: np.average(parts, axis=0, weights=rows))

    def median(self):
        """Return figures with the median statistics of all batches, in which a few that stand out weigh nothing."""
        return dict(self._figures(lambda parts, rows: np.median(parts, axis=0)), parameter=self._outlying())

    def _figures(self, middle):
        batches = self.passed()
        rows = [count for count, _ in batches]
        pairs = []
        for index, own in enumerate(self.measured.lens.moving_pairs()):
            parts = [of_batch[index] for _, of_batch in batches]
            if any(part is None for part in parts):
                pairs.append(own)
                continue
            halves = [middle(np.array([part[half] for part in parts], np.float64), rows) for half in (0, 1)]
            pairs.append(tuple(half.astype(np.float32) for half in halves))
        return self.measured.passed(self.measured.lens.begin_pass(False, statistics=pairs))

    def _outlying(self):
        """Return the layer and batch whose variance stands out most, and the share of batches that stand out there."""
        found = {"batches": len(self.batches), "ratio": 0.0, "outlying_share": 0.0, "layer": None}
        for index, each in enumerate(self.measured.lens.moving()):
            parts = [pairs[index] for _, pairs in self.batches]
            if any(part is None for part in parts):
                continue
            variances = np.array([np.mean(part[1], dtype=np.float64) for part in parts])
            ratios = variances / max(float(np.median(variances)), 1e-30)
            if np.isfinite(ratios).all() and ratios.max() > found["ratio"]:
                share = float((ratios >= OUTLYING).mean())
                found.update(ratio=float(ratios.max()), outlying_share=share, layer=each.name)
        return found


def _phases(measured):
    """Yield trials with one kind of layers in training phase, and with batches of other sizes."""
    lens = measured.lens
    stochastic = bool(lens.stochastic_layers())
    if lens.moving():
        most = measured.most_rows()
        sizes = {min(size, most) for size in BATCHES + (measured.rows,)}
        # Without stochastic layers the training phase itself is the trial with training's batches.
        sizes = sizes | {measured.batch_size} if stochastic else sizes - {measured.batch_size}
        for size in sorted(sizes, reverse=True):
            yield trial(
                "batch",
                lambda size=size: measured.passed(lens.begin_pass(False, batch_norm=True, stochastic=False), size),
                batch_size=size,
                cost=max(1.0, measured.batch_size / size),
            )
    if stochastic:
        yield trial("stochastic", lambda: measured.passed(lens.begin_pass(True, batch_norm=False, stochastic=True)))


def _classes(measured):
    """Yield the trial with other names for the classes; it takes no pass."""
    figures = measured.figures["inference", False]
    if figures["scores"] is not None and figures["right"] < 1.0:
        yield trial("permutation", lambda: _renamed(figures), cost=0.0)


def _inputs(measured, plan):
    """Yield trials with one of the inputs changed."""
    figures = measured.figures["inference", False]
    leaves = values.leaves(measured.x)
    if len(leaves) > MOST_INPUTS or figures["right"] == 1.0:
        return
    columns = plan.columns or []
    for place, (name, array) in enumerate(leaves):
        if array.dtype.kind not in "fiu":
            continue
        of_fit = columns[place] if len(columns) == len(leaves) else []
        for kind, change, parameter in _changes(array, of_fit, plan.which == "fit"):
            if len(leaves) > 1:
                parameter = dict(parameter or {}, input=name)
            yield trial(kind, functools.partial(_with_input, measured, place, change), parameter=parameter)


def _with_input(measured, place, change):
    """Return figures with the input at a place changed."""
    places = iter(range(MOST_INPUTS))
    x = values.map_arrays(lambda item: change(item).astype(np.float32) if next(places) == place else item, measured.x)
    return measured.passed(measured.lens.begin_pass(False), x=x)


def _changes(array, columns, is_fit):
    """Yield (kind, change, parameter) of what is tried with an input; `columns`: what it was in `fit`."""
    if not is_fit:
        for factor in FACTORS:
            yield "scale", functools.partial(_scaled, factor=factor), {"factor": factor}
    if array.ndim == 4 and array.shape[-1] in (3, 4):
        yield "channels", lambda item: np.concatenate([item[..., 2::-1], item[..., 3:]], -1), None
    elif array.ndim == 4 and array.shape[1] in (3, 4):
        yield "channels", lambda item: np.concatenate([item[:, 2::-1], item[:, 3:]], 1), None
    if is_fit:
        return
    if array.ndim > 1 and len(columns) == array.shape[-1]:
        yield "affine", lambda item: _like_fit(item, columns), None
    yield "inverted", lambda item: float(item.max()) + float(item.min()) - item, None
    yield "scale", lambda item: item / 127.5 - 1.0, {"factor": 1 / 127.5, "offset": -1.0}
    yield "scale", lambda item: (item + 1.0) * 127.5, {"factor": 127.5, "offset": 127.5}


def _scaled(array, factor):
    return array * factor


def _renamed(figures):
    renaming = scores.best_renaming(figures["scores"], figures["labels"])
    if renaming is None:
        return {"available": False, "reason": "fewer than 2 or more than 64 classes"}
    to, share = renaming
    changed = dict.fromkeys(("loss", "accuracy", "outputs"))
    return dict(changed, metrics={}, right=share, parameter={"to": to.tolist()})


def _like_fit(array, columns):
    """Return an array whose channels have the mean and deviation that they had in `fit`."""
    table = array.reshape(-1, array.shape[-1]).astype(np.float64)
    mean, deviation = table.mean(0), table.std(0)
    own_mean = np.array([column["mean"] for column in columns], np.float64)
    own_deviation = np.array([column["deviation"] for column in columns], np.float64)
    scaled = (table - mean) / np.where(deviation > 0, deviation, 1.0) * own_deviation + own_mean
    return scaled.reshape(array.shape)
