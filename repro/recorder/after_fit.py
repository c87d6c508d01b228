"""Measurements on the samples of a fit, right after it or when the process ends."""

from repro_recorder import fingerprint, generations, limits, measure, reports


def measure_fit(recording, lens, fit, source, seconds):
    """Measure on the samples of a fit and write it down; None where no samples were kept."""
    samples = source.samples.joined()
    if samples is None:
        recording.missing(
            "measurements", "no samples of the training data could be kept: they are not numbers, or were not seen", fit
        )
        return None
    plan = measure.Plan("fit", recording.statistics, alone=not source.runs_on())
    measured, made, missing = measure.measure(lens, samples, source.usual_batch_size(), seconds, plan)
    recording.fit_figures = {key: measured.figures["inference", False][key] for key in ("right", "loss")}
    reports.write(recording, fit, "fit", None, measured, made, missing)
    return measured


def measure_validation(recording, lens, fit, source, seconds):
    """Measure on samples of the validation data."""
    samples = source.samples.joined()
    if samples is None:
        recording.missing(
            "validation", "no samples of the validation data could be kept: they are not numbers, or were not seen", fit
        )
        return
    if seconds <= 0:
        recording.missing("validation", "the time for measurements was used up", fit)
        return
    plan = measure.Plan("validation", columns=recording.columns, fit_figures=recording.fit_figures)
    measured, made, missing = measure.measure(lens, samples, source.usual_batch_size(), seconds, plan)
    reports.write(recording, fit, "validation", None, measured, made, missing)


def measure_deferred(recording):
    """Make the measurements that were put off, if the weights are still those that `fit` left."""
    if recording.deferred is None:
        return
    fit, left, source, validation = recording.deferred
    recording.deferred = None
    model = recording.model()
    if model is None:
        recording.missing("measurements", "the time for them was used up, and the model was gone at the end", fit)
        return
    lens = generations.lens_of(model)
    if fingerprint.digests(lens) != left.digests:
        recording.missing("measurements", "the time for them was used up, and the weights were others at the end", fit)
        return
    recording.statistics.attach(lens)
    measure_fit(recording, lens, fit, source, limits.MEASURE_SECONDS)
    if validation is not None:
        measure_validation(recording, lens, fit, validation, limits.MEASURE_SECONDS)
    recording.statistics.detach()
