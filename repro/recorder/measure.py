"""Samples measured at the weights that `fit` left: both phases, in batches and alone, every layer; then put back."""

import numpy as np

from repro_recorder import budget, limits, phases, scores, sources, trials, values

# Trials that pass all samples in batches as large as can be, each of which takes about as long as the last.
LARGE = (
    "debiased",
    "re-estimated-as-trained",
    "own-momentum",
    "momentum",
    "scale",
    "channels",
    "affine",
    "inverted",
    "statistics-of-fit",
)


class Measured:
    """What was measured on one set of samples, for events and for trials."""

    def __init__(self, lens, samples, batch_size, deadline):
        self.lens = lens
        self.x, self.y, self.weights = samples
        self.rows = len(values.leaves(self.x)[0][1])
        self.batch_size = max(1, min(batch_size or 32, self.rows))
        self.deadline = deadline
        self.clock = budget.Stopwatch()
        self.labels = scores.classes_of_labels(self.y)
        self.comparison = phases.Comparison()
        self.figures = {}  # of (phase, alone): dict
        self.batch_pairs = None
        self.calls = None
        self.seconds_per_pass = 0.0
        self.seconds_per_large_pass = None
        self.first_captures = None

    def slices(self, batch_size=None):
        """Return slices of `batch_size` samples that cover those that are measured."""
        size = batch_size or self.batch_size
        return [slice(start, min(start + size, self.rows)) for start in range(0, self.rows, size)]

    def large(self):
        """Return a size for batches of a pass in which their size does not matter."""
        row_bytes = sum(array.nbytes // max(1, len(array)) for _, array in values.leaves(self.x))
        return max(self.batch_size, min(self.most_rows(), limits.BATCH_INPUT_BYTES // max(1, row_bytes)))

    def most_rows(self):
        """Return how many samples may pass at once: those of a batch of training, or more if layers' outputs fit."""
        captured = self.first_captures[0].info.values() if self.first_captures is not None else ()
        row_bytes = sum(4 * int(np.prod(shape)) for _, _, shape in captured)
        return min(self.rows, max(self.batch_size, limits.PASS_BYTES // max(1, row_bytes)))

    def part(self, rows, x=None):
        """Return (x, y, weights) of some samples; `x`: other inputs of the same samples."""
        return tuple(sources.take_rows(part, rows) for part in (self.x if x is None else x, self.y, self.weights))

    def in_time(self, seconds=0.0):
        """Return whether `seconds` more may be spent."""
        return self.clock.seconds() + seconds <= self.deadline

    def both_phases(self):
        """Pass all samples in inference and in training phase; fewer where that takes the time of the trials."""
        enough = limits.PHASES_SHARE * self.deadline
        inference_pass, training_pass = self.lens.begin_pass(False), self.lens.begin_pass(True)
        outputs, sums, count = ([], []), None, 0
        for rows in self.slices():
            started = self.clock.seconds()
            part = self.part(rows)
            inference_pass.capture = inference = phases.Capture()
            outputs[0].append(inference_pass.batch(*part))
            training_pass.capture = training = phases.Capture(like=inference)
            outputs[1].append(training_pass.batch(*part))
            self.comparison.add(inference, training)
            if self.first_captures is None:
                self.first_captures = inference, training
                self.calls = [len(pairs) for pairs in training_pass.batch_statistics]
                repeated = phases.Capture(like=inference)
                inference_pass.repeat(part[0], repeated)
                self.comparison.add_repeated(inference, repeated)
            sums = add_statistics(sums, training_pass.batch_statistics, rows.stop - rows.start)
            count = rows.stop
            seconds = (self.clock.seconds() - started) * 1.2
            late = count >= limits.FEWEST_SAMPLES and self.clock.seconds() + seconds > enough
            if late or not self.in_time(seconds):
                break
        self.rows = count
        self.batch_pairs = mean_statistics(sums, count)
        self.figures["inference", False] = self._figures(self.batch_size, inference_pass, _join_outputs(outputs[0]))
        self.figures["training", False] = self._figures(self.batch_size, training_pass, _join_outputs(outputs[1]))

    def alone(self):
        """Pass the first samples one at a time, in both phases, and compare layers with those in batches."""
        now = self.clock.seconds()
        enough = now + limits.ALONE_SHARE * (self.deadline - now)
        count = min(self.rows, limits.ALONE_SAMPLES)
        for phase, training in (("inference", False), ("training", True)):
            one_pass = self.lens.begin_pass(training)
            one_pass.scored = False
            parts = []
            for row in range(count):
                reference = self.first_captures[1 if training else 0]
                one_pass.capture = None
                if row < self.batch_size:
                    one_pass.capture = phases.Capture(like=self.first_captures[0])
                parts.append(one_pass.batch(*self.part(slice(row, row + 1))))
                if one_pass.capture is not None:
                    name = "alone" if training else "inference_alone"
                    self.comparison.add_alone(name, reference, one_pass.capture, row)
                is_late = self.clock.seconds() > enough and (training or row >= limits.FEWEST_ALONE)
                if is_late or not self.in_time():
                    break
            self.figures[phase, True] = self._figures(1, one_pass, _join_outputs(parts))

    def passed(self, one_pass, batch_size=None, x=None):
        """Pass all samples through a trial's pass; return its figures. Without a size batches are large."""
        size = batch_size or self.large()
        parts = [one_pass.batch(*self.part(rows, x)) for rows in self.slices(size)]
        return self._figures(size, one_pass, _join_outputs(parts))

    def inference_only(self):
        """Pass all samples in inference phase."""
        self.figures["inference", False] = self.passed(self.lens.begin_pass(False))

    def _figures(self, batch_size, one_pass, outputs):
        loss, metrics = one_pass.result()
        rows = len(outputs[0]) if outputs else 0
        labels = None if self.labels is None else self.labels[:rows]
        classes = scores.probabilities(outputs, labels)
        finite = [np.isfinite(output.reshape(rows, -1)).all(1) for output in outputs if output.dtype.kind == "f"]
        return {
            "batch_size": batch_size,
            "samples": rows,
            "loss": loss,
            "metrics": metrics,
            "accuracy": scores.program_accuracy(metrics),
            "right": None if classes is None else scores.share_right(classes, labels),
            "outputs": outputs,
            "scores": classes,
            "labels": labels,
            "not_finite_rows": int(rows - np.logical_and.reduce(finite).sum()) if finite and rows else 0,
            "problem": None if one_pass.problem is None else values.fault(one_pass.problem),
        }


def add_statistics(sums, statistics, rows):
    """Add a batch's statistics, weighted by its rows; a layer that is called several times has its calls' mean."""
    pairs = [
        tuple(np.mean([pair[half] for pair in calls], 0).astype(np.float64) * rows for half in (0, 1))
        if calls
        else None
        for calls in statistics
    ]
    if sums is None:
        return pairs
    return [None if old is None or new is None else (old[0] + new[0], old[1] + new[1]) for old, new in zip(sums, pairs)]


def mean_statistics(sums, count):
    """Return the mean (mean, variance) of each layer, float32 (channels,); None where a layer had none."""
    if sums is None or not count:
        return None
    return [None if pair is None else tuple((part / count).astype(np.float32) for part in pair) for pair in sums]


def _join_outputs(parts):
    """Join the batches of each output; only the first batch where shapes differ."""
    joined = []
    for place in range(len(parts[0]) if parts else 0):
        arrays = [part[place] for part in parts]
        try:
            joined.append(np.concatenate(arrays))
        except ValueError:
            joined.append(arrays[0])
    return joined


class Plan:
    """What is measured on a set of samples.

    `statistics`: the `MovingStatistics` of the fit, for trials with other ones. `fit_pairs`: those that `fit` left, for
    a model that has others. `columns`: facts of the input's columns in `fit`, for samples that were not trained on.
    `fit_figures`: what the samples of `fit` gave in inference phase. `alone`: see `Lens.untouched`.
    """

    def __init__(self, which, statistics=None, fit_pairs=None, columns=None, fit_figures=None, alone=True):
        self.alone = alone
        self.which = which
        self.statistics = statistics if statistics is not None and statistics.layers else None
        self.fit_pairs = fit_pairs
        self.columns = columns
        self.fit_figures = fit_figures


def measure(lens, samples, batch_size, seconds, plan):
    """Measure (x, y, weights) for at most `seconds`; everything is as before when it returns.

    Return (Measured, [trial], [(what, reason)] of what was not measured).
    """
    measured = Measured(lens, samples, batch_size, seconds)
    made, missing, late = [], [], []
    with lens.untouched(plan.alone):
        if plan.which == "call":
            measured.inference_only()
        else:
            measured.both_phases()
        if plan.statistics is not None:
            plan.statistics.settle(measured.calls)
        measured.seconds_per_pass = measured.clock.seconds() / 2
        if plan.which == "fit":
            _tried(missing, "one sample at a time", measured.alone)
        for trial in trials.planned(measured, plan):
            if trial["available"] and not measured.in_time(_seconds(trial, measured)):
                late.append(trial["kind"])
                continue
            begun = measured.clock.seconds()
            made.append(_made(trial, measured))
            if trial["kind"] in LARGE and made[-1]["available"]:
                measured.seconds_per_large_pass = measured.clock.seconds() - begun
    if late:
        missing.append((", ".join(sorted(set(late))), "the time for measurements was used up"))
    return measured, made, missing


def _seconds(trial, measured):
    """Return how long a trial will take: what the last one in large batches took, or as many passes like the first."""
    is_large = trial["kind"] in LARGE or (trial["batch_size"] or 0) >= 4 * measured.batch_size
    if is_large and measured.seconds_per_large_pass is not None:
        return 2 * trial["cost"] * measured.seconds_per_large_pass
    return trial["cost"] * measured.seconds_per_pass


def _tried(missing, what, function):
    try:
        function()
    except Exception as error:
        missing.append((what, values.fault(error)))


def _made(trial, measured):
    make = trial.pop("make")
    if not trial["available"]:
        return trial
    try:
        trial.update(make())
    except Exception as error:
        trial.update(available=False, reason=values.fault(error))
    return trial
