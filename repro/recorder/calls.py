"""Calls of `evaluate`, `predict` and the like after training: their data, rows, figures, and the weights they used."""

import time

import numpy as np

from repro_recorder import budget, fit, generations, limits, measure, process, recordings, reports, sources, values


def begin(owner, name, bound, model):
    """Return the session of a call of a model that was trained, or of one of the same architecture; else None."""
    this = recordings.of_model(owner, _Same(model), 0, make=False)
    if this is None:
        lens = generations.lens_of(model)
        record = recordings.of_architecture(owner, lens)
        if record is None:
            return None
    else:
        record, lens = this, None
    if record.loop is not None and not name.startswith("predict") and record.fits <= fit.MOST_LOOPS:
        fit.end_loop(record)
    if record.loop is not None or record.left is None:
        return None
    record.calls += 1
    if record.call_events >= limits.CALL_EVENTS:
        record.repeated += 1
        return None
    return CallSession(record, lens or generations.lens_of(model), name, bound, this is not None)


class _Same:
    """Stands for a lens where only the model's identity is asked."""

    def __init__(self, model):
        self.model = model


class CallSession:
    """One call."""

    def __init__(self, record, lens, name, bound, this):
        self.recording = record
        self.lens = lens
        self.name = name
        self.this = this
        self.started = time.perf_counter()
        given = bound.arguments
        data = "generator" if "generator" in given else "x"
        x = given.get(data)
        self.arguments = {
            key: values.jsonable(given[key])
            for key in ("batch_size", "steps")
            if isinstance(given.get(key), (int, float))
        }
        self.source = sources.Source(
            lens,
            x,
            given.get("y"),
            given.get("sample_weight"),
            given.get("batch_size") or 32,
            False,
            budget=record.look_budget,
        )
        self.source.spread_samples = True
        if self.source.passed_on is not x:
            given[data] = self.source.passed_on
        self.source.begin_pass()
        record.start_clocks()

    def end(self, result, error):
        """The call has returned `result`, or raised `error`."""
        record, lens, source = self.recording, self.lens, self.source
        record.stop_clocks()
        number = record.calls
        passes = source.ordered_passes()
        rows = passes[-1] if passes else None
        weights = record.left.compared(lens)
        record.call_events += 1
        record.send(
            "call_observed",
            call=number,
            kind=self.name,
            fit=record.fits,
            model="this" if self.this else "another",
            model_name=getattr(lens.model, "name", None),
            arguments=self.arguments,
            seconds=time.perf_counter() - self.started,
            figures=None if error is not None else _figures(lens, self.name, result),
            raised=None if error is None else values.fault(error),
            data=source.report(),
            rows=None if rows is None else record.journal.save("call-{}-rows".format(number), rows),
            orders=[] if rows is None else [self._order(rows, earlier) for earlier in record.passes],
            weights=weights,
            repeated=record.repeated,
        )
        record.repeated = 0
        if rows is not None:
            entry = ({"call": number}, sources.reference_to(source.original), rows)
            record.passes = record.passes[-7:] + [entry]
        if error is None:
            with record.owner.measuring:
                self._measure(number, weights)
        source.release()

    def _order(self, rows, earlier):
        label, reference, others = earlier
        count = min(len(rows), len(others))
        return {
            "with": label,
            "rows": len(rows),
            "common": int(np.isin(rows, others).sum()),
            "same_order": bool(np.array_equal(rows[:count], others[:count])),
            "same_source": sources.is_reference_to(reference, self.source.original),
        }

    def _measure(self, number, weights):
        """Measure on the samples of an `evaluate`, as far as the budget allows."""
        record = self.recording
        if not self.name.startswith(("evaluate", "test")) or record.measured_calls >= limits.MEASURED_CALLS:
            return
        samples = self.source.samples.joined()
        if samples is None or samples[1] is None:
            return
        if not record.owner.alone():
            record.missing("call {}".format(number), "another thread was in Keras")
            return
        allowed = min(record.measure_budget.left(), limits.MOST_MEASURE_SECONDS)
        if record.measured_calls == 0:
            allowed = max(allowed, limits.MEASURE_SECONDS / 4)
        if allowed <= 0:
            record.missing("call {}".format(number), "the time for measurements was used up")
            return
        record.measured_calls += 1
        clock = budget.Stopwatch()
        same = weights["moving"]["equal"] == weights["moving"]["of"]
        plan = measure.Plan(
            "call",
            fit_pairs=None if same else record.left_moving,
            columns=record.columns,
            fit_figures=record.fit_figures,
        )
        measured, made, missing = measure.measure(self.lens, samples, self.source.usual_batch_size(), allowed, plan)
        reports.write(record, record.fits, "call", number, measured, made, missing)
        record.measure_budget.spend(clock.seconds())


def _figures(lens, name, result):
    """Return what a call gave, by name; None where that is no list of numbers."""
    if name.startswith("predict"):
        return None
    if isinstance(result, dict):
        return {values.text(key, 100): lens.number_of(value) for key, value in result.items()}
    numbers = list(result) if isinstance(result, (list, tuple)) else [result]
    names = process.guarded("names of metrics", lens.figure_names) or []
    if len(names) != len(numbers):  # a step of the program's own: only that the loss comes first is known
        names = [name for name in names[:1] if name == "loss"]
        names += ["value {}".format(place) for place in range(len(names), len(numbers))]
    return {name: lens.number_of(number) for name, number in zip(names, numbers)}
