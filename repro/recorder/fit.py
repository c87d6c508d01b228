"""A call that trains: what is seen before it, in every step and epoch, and after it."""

import time

import numpy as np

from repro_recorder import after_fit, budget, fingerprint, limits, process, reports, scores, sources, values

MOST_LOOPS = 8  # loops of train_on_batch that end before the process does


class FitSession:
    """One `fit`, or one loop of `train_on_batch`, of one model."""

    def __init__(self, recording, lens, call, source, validation, arguments, epochs=1, first_epoch=0, steps=None):
        self.recording = recording
        self.lens = lens
        self.call = call
        self.source = source
        self.validation = validation
        recording.fits += 1
        recording.call_events = recording.measured_calls = 0
        self.fit = recording.fits
        self.epochs = epochs
        self.fit_epoch = first_epoch
        self.steps_per_epoch = steps
        self.steps = self.epoch_steps = 0
        self.started = time.perf_counter()
        self.epoch_started = self.started
        self.spent = 0.0
        self.ratio_before = None
        self.ratio = None
        self.ready = self.broken = False
        self.losses = []
        self.budget = recording.step_budget
        recording.deferred = None
        weights = recording.left.compared(lens) if recording.left is not None and lens.built() else None
        recording.send("stage_started", stage="fit")
        recording.send(
            "fit_started",
            fit=self.fit,
            call=call,
            epoch=recording.epochs,
            epochs=epochs,
            initial_epoch=first_epoch,
            steps_per_epoch=steps,
            batch_size=source.batch_size,
            arguments=arguments,
            compiled=fingerprint.compiled(lens),
            data=source.report(),
            validation=None if validation is None else validation.report(),
            weights=weights,
        )
        self._note_data()
        self.early = {} if lens.built() else process.guarded("model", lens.early_pairs) or {}
        self._attach()
        self.started = time.perf_counter()
        recording.start_clocks()

    def _attach(self):
        """Begin to look at the weights, as soon as the model has them: before the first step, or after it."""
        if self.ready or not self.lens.built():
            return
        if not self.recording.described:
            process.guarded("model", self.recording.describe, self.lens)
        self.statistics = self.recording.statistics
        self.statistics.attach(self.lens)
        late = self.steps > 0
        self.statistics.begin(self._pairs_before() if late else None, late)
        self.trainable = [(name, variable) for name, kind, variable in self.lens.variables() if kind == "trainable"]
        self.before_fit = None if late else fingerprint.digests(self.lens)
        self.ready = True

    def _pairs_before(self):
        """Return the moving statistics before the first step of a model that was not built; None if not known."""
        initial = self.lens.initial_pairs() or [None] * len(self.lens.moving())
        pairs = [self.early.get(id(each.layer), pair) for each, pair in zip(self.lens.moving(), initial)]
        return None if any(pair is None for pair in pairs) else pairs

    # Steps and epochs.

    def epoch_begins(self):
        """An epoch begins."""
        self.epoch_started = time.perf_counter()
        self.epoch_steps = 0
        self.ratio = None
        self.source.begin_pass()

    def step_begins(self):
        """A step begins; of one in each epoch the weights are read before and after."""
        self._attach()
        if self.ready and self.ratio is None and self.epoch_steps < 2 and self.recording.ratio_budget.open():
            started = time.perf_counter()
            self.ratio_before = self.lens.subsamples([variable for _, variable in self.trainable])
            self._spend(started, self.recording.ratio_budget)

    def step_ends(self, logs, count=1):
        """A step has ended, `count` of them where several are one call."""
        self.steps += count
        self.epoch_steps += count
        self._attach()
        if not self.ready:
            return
        started = time.perf_counter()
        if self.ratio_before is not None:
            self._note_ratio()
            self._spend(started, self.recording.ratio_budget)
            started = time.perf_counter()
        read = self.budget.open()
        self.statistics.step(self.steps, read and bool(self.statistics.layers))
        if read:
            self._note_loss(logs)
        self._spend(started)

    def _spend(self, started, budget=None):
        seconds = time.perf_counter() - started
        (budget or self.budget).spend(seconds)
        self.spent += seconds

    def _note_ratio(self):
        """Work out how far this step moved the weights."""
        after = self.lens.subsamples([variable for _, variable in self.trainable])
        ratios = []
        for (name, _), old, new in zip(self.trainable, self.ratio_before, after):
            size = float(np.linalg.norm(old.astype(np.float64)))
            change = float(np.linalg.norm(new.astype(np.float64) - old.astype(np.float64)))
            ratios.append({"variable": name, "ratio": change / size if size else None})
        self.ratio_before = None
        sizes = [item["ratio"] for item in ratios if item["ratio"] is not None]
        known = [item for item in ratios if item["ratio"] is not None]
        largest = max(known, key=lambda item: item["ratio"]) if known else {}
        self.ratio = {
            "step": self.steps,
            "median": float(np.median(sizes)) if sizes else None,
            "largest": largest.get("ratio"),
            "variable": largest.get("variable"),
            "layers": ratios[:200],
        }

    def _note_loss(self, logs):
        loss = _loss_of(logs)
        if loss is None:
            return
        if len(self.losses) < limits.LISTED_STEPS:
            self.losses.append((self.steps, loss))
        if not np.isfinite(loss) and "loss" not in self.recording.first_not_finite:
            self.recording.first_not_finite.add("loss")
            listed = self.lens.variables()
            arrays = self.lens.subsamples([variable for _, _, variable in listed])
            bad = [name for (name, _, _), array in zip(listed, arrays) if not _finite(array)]
            self.recording.send(
                "not_finite",
                fit=self.fit,
                epoch=self.recording.epochs + 1,
                step=self.steps,
                what="loss",
                names=bad[:100],
                rows=[],
                layer=None,
            )

    def before_epoch_ends(self):
        """All steps of an epoch are done, and no callback has seen its end yet."""
        if self.ready and self.statistics.layers and self.statistics.latest_step != self.steps:
            started = time.perf_counter()
            self.statistics.step(self.steps, True)
            self._spend(started)

    def epoch_ends(self, logs):
        """An epoch has ended, its callbacks have run."""
        recording = self.recording
        recording.epochs += 1
        self.fit_epoch += 1
        logs = {values.text(name, 100): self.lens.number_of(value) for name, value in (logs or {}).items()}
        loss = logs.get("loss")
        own = {name: value for name, value in logs.items() if not name.startswith("val_")}
        accuracy = scores.program_accuracy(own)
        recording.send(
            "epoch_finished",
            epoch=recording.epochs,
            loss=float("nan") if loss is None else loss,
            accuracy=accuracy,
            seconds=time.perf_counter() - self.epoch_started,
        )
        recording.send(
            "epoch_logs",
            epoch=recording.epochs,
            fit=self.fit,
            fit_epoch=self.fit_epoch,
            logs=logs,
            learning_rate=fingerprint.learning_rate(self.lens),
            steps=self.epoch_steps,
            update_ratio=self.ratio,
        )
        validated = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        if validated.get("loss") is not None:
            recording.send(
                "validated",
                epoch=recording.epochs,
                loss=validated["loss"],
                accuracy=scores.program_accuracy(validated),
                call="model.fit",
            )
        self._note_weights()

    def _note_data(self):
        """Note the first row of the data that holds a value that is not finite."""
        for figures in [each for part in self.source.figures or [] for each in part]:
            if figures.first_bad_row is not None and "data" not in self.recording.first_not_finite:
                self.recording.first_not_finite.add("data")
                self.recording.send(
                    "not_finite",
                    fit=self.fit,
                    epoch=None,
                    step=None,
                    what="data",
                    names=[figures.name],
                    rows=[figures.first_bad_row],
                    layer=None,
                )

    def _note_weights(self):
        """Note the first epoch after which a weight is not finite."""
        if "weights" in self.recording.first_not_finite or not self.ready or not self.recording.ratio_budget.open():
            return
        started = time.perf_counter()
        arrays = self.lens.subsamples([variable for _, variable in self.trainable])
        bad = [name for (name, _), array in zip(self.trainable, arrays) if not _finite(array)]
        if bad:
            self.recording.first_not_finite.add("weights")
            self.recording.send(
                "not_finite",
                fit=self.fit,
                epoch=self.recording.epochs,
                step=self.steps,
                what="weights",
                names=bad[:100],
                rows=[],
                layer=None,
            )
        self._spend(started, self.recording.ratio_budget)

    # The end.

    def end(self, error=None):
        """The call has returned, or raised `error`."""
        self._end(error)
        self.source.release()
        if self.validation is not None:
            self.validation.release()

    def _end(self, error):
        recording = self.recording
        recording.stop_clocks()
        seconds = time.perf_counter() - self.started
        self._note_data()
        recording.last_ended = "returned" if error is None else "raised"
        self._attach()
        if self.call in ("train_on_batch", "recording") and self.steps:
            self._loop_epoch(seconds)
        if not self.ready:
            if self.steps:
                recording.missing("measurements", self.lens.unready_reason, self.fit)
            self._send_ended(seconds, error, None, None)
            return
        self.statistics.finish()
        left = fingerprint.Left(self.lens)
        recording.left, recording.left_moving = left, left.pairs
        changes = None if self.before_fit is None else self._changes(left)
        inputs = self.source.figures[0] if self.source.figures else []
        recording.columns = [each.report()["columns"] for each in inputs]
        _remember_passes(recording, self.source, {"fit": self.fit})
        if self.steps:
            process.guarded("weights", self._hash_weights)
        measured = None
        if self.steps and error is None:
            allowed = recording.measure_budget.left()
            with recording.owner.measuring:
                if allowed > 0.05 * limits.MEASURE_SECONDS and recording.owner.alone():
                    measured = self._measure(min(allowed, limits.MOST_MEASURE_SECONDS), seconds, error, changes)
            if measured is None:
                recording.deferred = (self.fit, left, self.source, self.validation)
                process.at_exit_first()
        if measured is None:
            self.statistics.settle()
            self._send_ended(seconds, error, changes, self.statistics.report())
        self.statistics.detach()
        recording.send("training_finished", peak_memory_bytes=reports.peak_memory_bytes())
        recording.send("stage_started", stage="program")

    def _changes(self, left):
        """Return `weights_changed` of `fit_ended`."""
        unchanged = [
            name
            for (name, kind, _), before, after in zip(self.lens.variables(), self.before_fit, left.digests)
            if kind == "trainable" and before == after
        ]
        return {"unchanged": unchanged[:200], "trainable": len(self.trainable)}

    def _loop_epoch(self, seconds):
        """Count a loop without epochs as one, so that its losses are seen."""
        losses = [loss for _, loss in self.losses]
        self.epoch_ends({"loss": float(np.mean(losses[-100:]))} if losses else {})

    def _send_ended(self, seconds, error, changes, batch_norms):
        self.recording.send(
            "fit_ended",
            fit=self.fit,
            seconds=seconds,
            steps=self.steps,
            epochs=self.fit_epoch,
            ended="returned" if error is None else "raised",
            error=None if error is None else values.fault(error),
            data=self.source.report(),
            validation=None if self.validation is None else self.validation.report(),
            batch_norm=batch_norms or [],
            weights_changed=changes,
            recorder_seconds=self.spent,
        )

    def _hash_weights(self):
        self.recording.send("weights_hashed", sha256=fingerprint.weights_sha256(self.lens))

    def _measure(self, allowed, seconds, error, changes):
        """Measure on the samples that passed and write all that follows; return True."""
        recording = self.recording
        recording.send("stage_started", stage="measure")
        clock = budget.Stopwatch()
        own = allowed if self.validation is None else allowed * limits.FIT_SHARE
        measured = process.guarded(
            "measurements", after_fit.measure_fit, recording, self.lens, self.fit, self.source, own
        )
        self.statistics.settle()
        pairs = None if measured is None else measured.batch_pairs
        self._send_ended(seconds, error, changes, self.statistics.report(pairs))
        process.guarded("measurements", reports.drift, recording, self.statistics, pairs)
        if self.validation is not None:
            rest = allowed - clock.seconds()
            process.guarded(
                "validation", after_fit.measure_validation, recording, self.lens, self.fit, self.validation, rest
            )
        recording.measure_budget.spend(clock.seconds())
        process.guarded("arrays", reports.statistics_arrays, recording, self.statistics, self.fit)
        return True


def end_loop(recording):
    """End a loop of `train_on_batch` that is still open."""
    loop, recording.loop = recording.loop, None
    if loop is not None:
        loop.end()


def _remember_passes(recording, source, label):
    """Keep the order of rows of the last whole pass, for comparison with later ones."""
    passes = source.ordered_passes()
    if passes:
        entry = (dict(label, **{"pass": len(passes)}), sources.reference_to(source.original), passes[-1])
        recording.passes = recording.passes[-7:] + [entry]


def _loss_of(logs):
    """Return the loss among a step's logs: a dict, a list whose first is the loss, or a number."""
    if isinstance(logs, dict):
        logs = logs.get("loss")
    elif isinstance(logs, (list, tuple)):
        logs = logs[0] if logs else None
    if logs is None:
        return None
    try:
        array = np.asarray(logs.numpy() if hasattr(logs, "numpy") else logs, np.float64)
        return float(array) if array.size == 1 else None
    except Exception:
        return None


def _finite(array):
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def validation_source(lens, validation_data, batch_size):
    """Return the source of validation data; None where there is none. Its `passed_on` takes their place."""
    if validation_data is None:
        return None
    if isinstance(validation_data, (tuple, list)) and 2 <= len(validation_data) <= 3:
        x, y, weights = (list(validation_data) + [None])[:3]
        return sources.Source(lens, x, y, weights, batch_size, shuffled=True)
    return sources.Source(lens, validation_data, None, None, batch_size)
