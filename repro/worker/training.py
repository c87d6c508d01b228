"""One run: build, fit, measure. Adapters make the calls; this module decides when."""

import os
import signal
import time
import traceback

import numpy as np

from repro_worker import batch_norm, files, pixels, probe
from repro_worker.trace import Trace, was_given_up
from repro_worker.trials import Trials

NO_TRACE = "this run keeps no trace, and what-if cannot ask it: {}"
NOT_MEASURED = "not measured: {} after epoch {} ({})"


class StopRequest:
    """Set by SIGTERM: finish the epoch, keep a checkpoint, end."""

    def __init__(self):
        self.wanted = False
        signal.signal(signal.SIGTERM, self._want)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _want(self, _signal, _frame):
        self.wanted = True


class Run:
    """State of one training run."""

    def __init__(self, adapter, request, channel):
        self.adapter = adapter
        self.request = request
        self.channel = channel
        self.scenario = request["scenario"]
        self.directory = request["directory"]
        self.epochs = self.scenario["fit"]["epochs"]
        self.batch_size = self.scenario["fit"]["batch_size"]
        self.stop = StopRequest()
        self.stopped_at = None
        self.images = pixels.load(self.directory, self.scenario)
        classes = self.scenario["model"]["classes"]
        self.labels = np.eye(classes)[np.asarray(request["labels"])]
        self.validation = None
        if request.get("validation_labels"):
            images = pixels.load(self.directory, self.scenario, "validation.npy")
            self.validation = images, np.eye(classes)[np.asarray(request["validation_labels"])]
        self.steps_per_epoch = -(-len(self.images) // self.batch_size)
        self.last_checkpoint = None
        self.epoch_started = None
        self.trace = None
        self.initial_statistics = None
        self.is_finite = True
        self.accuracies = {}  # that were measured last: of inference, training and validation
        self.spread = None  # of the batches that were measured last, with the widest one
        self.calls_per_step = adapter.calls_per_step

    def stage(self, name):
        """Say what goes on now, for whoever watches."""
        self.channel.send("stage_started", stage=name)

    def batch_begin(self):
        """Called by the adapter before a step of a traced run."""
        if self.trace is not None:
            self.trace.batch_begin()

    def batch_end(self):
        """Called by the adapter after a step of a traced run."""
        if self.trace is not None:
            self.continue_trace(self.trace.batch_end())

    def continue_trace(self, reason):
        """Give the trace up where there is a reason to; the training stays as it is."""
        if reason is not None:
            self.trace.give_up()
            self.trace = None
            self.channel.send("warned", message=NO_TRACE.format(reason))

    def epoch_begin(self, epoch):
        """Called by the adapter before an epoch, counted from 0."""
        self.epoch_started = time.perf_counter()

    def epoch_end(self, epoch, logs):
        """Called by the adapter after an epoch, counted from 0; True: stop training."""
        seconds = time.perf_counter() - self.epoch_started
        done = epoch + 1
        accuracy = logs["acc"] if "acc" in logs else logs["accuracy"]
        self.channel.send("epoch_finished", epoch=done, loss=logs["loss"], accuracy=accuracy, seconds=seconds)
        if self.is_finite:
            self.attempt("where values are not finite", done, self._look_for_bad_values, done, logs["loss"])
        if self.trace is not None:
            self.continue_trace(self.trace.difference())
        if self.trace is not None and (done in self.trace.snapshot_epochs or done in self.request["measured_epochs"]):
            self.trace.put_in()
            self.snapshot(done)
        if done == self.epochs:
            return False
        if done in self.request["measured_epochs"]:
            self.measure(done)
        if self.stop.wanted:
            self.checkpoint(done)
            self.stopped_at = done
            return True
        if time.perf_counter() - self.last_checkpoint >= self.request["checkpoint_seconds"]:
            self.checkpoint(done)
        return False

    def _look_for_bad_values(self, epoch, loss):
        """Say once where the first values that are not finite are: moving statistics, an output, or weights."""
        layers = self.adapter.batch_norm_layers()
        for layer, pair in zip(layers, self.adapter.moving_statistics()):
            for quantity, values in zip(("moving_mean", "moving_variance"), pair):
                if not np.isfinite(values).all():
                    self._bad_value(epoch, layer.name, quantity)
                    return
        if np.isfinite(loss):
            return
        layer = self.adapter.first_bad_output(self.images)
        if layer is None:
            self._bad_value(epoch, "", "loss")
            return
        is_finite = all(np.isfinite(array).all() for array in layer.get_weights())
        self._bad_value(epoch, layer.name, "output" if is_finite else "weight")

    def _bad_value(self, epoch, layer, quantity):
        self.is_finite = False
        self.channel.send("non_finite_found", epoch=epoch, layer=layer, quantity=quantity)
        of_layer = " of {}".format(layer) if layer else ""
        text = "after epoch {} {}{} is not finite".format(epoch, quantity.replace("_", " "), of_layer)
        self.channel.send("warned", message=text)

    def snapshot(self, epoch):
        """Keep a traced run's weights of a chosen epoch."""
        kept = self.trace.snapshot(epoch)
        if kept is not None:
            self.channel.send("snapshot_written", epoch=epoch, file=kept[0], sha256=kept[1])

    def checkpoint(self, epoch):
        """Keep all that is needed to go on after `epoch`; the one before is removed only when this one is whole."""
        name = "weights/checkpoint-{:07d}.npz".format(epoch)
        path = os.path.join(self.directory, name)
        started = time.perf_counter()
        sha256 = files.save_arrays(path, self.adapter.state())
        self.channel.send(
            "checkpoint_written",
            epoch=epoch,
            file=name,
            sha256=sha256,
            bytes=os.path.getsize(path),
            seconds=time.perf_counter() - started,
        )
        for other in os.listdir(os.path.dirname(path)):
            if other.startswith("checkpoint-") and other != os.path.basename(path):
                os.remove(os.path.join(os.path.dirname(path), other))
        self.last_checkpoint = time.perf_counter()

    def measure(self, epoch):
        """All the scenario's measurements and the drift of every BatchNormalization layer, at the current weights.

        What cannot be measured is missing, with a warning: it takes nothing from the rest.
        """
        moving = self.adapter.moving_statistics()
        used = self.attempt("the statistics for inference", epoch, self._used_statistics, epoch, moving)
        if used is not None:
            if used is not moving:
                self.adapter.set_moving_statistics(used)
            self.attempt("inference", epoch, self._measure_inference, epoch, self.scenario["measure"])
            if self.validation is not None:
                self.attempt("validation", epoch, self._validate, epoch)
            if used is not moving:
                self.adapter.set_moving_statistics(moving)
        self.attempt("the training phase", epoch, self._measure_training_phase, epoch, moving, used or moving)

    def attempt(self, name, epoch, measurement, *arguments):
        """What the measurement returns; None, with a warning, if it fails for another reason than memory or disk."""
        try:
            return measurement(*arguments)
        except (MemoryError, OSError):
            raise
        except Exception as error:
            if type(error).__name__ == "ResourceExhaustedError":
                raise
            traceback.print_exc()
            text = "{}: {}".format(type(error).__name__, str(error)[:300])
            self.channel.send("warned", message=NOT_MEASURED.format(name, epoch, text))
            return None

    def _validate(self, epoch):
        images, labels = self.validation
        loss, accuracy, call = self.adapter.evaluate(images, labels, self.batch_size)
        self.accuracies["validation"] = accuracy
        probabilities, _ = self.adapter.predict(images, self.batch_size)
        self.channel.send(
            "validated", epoch=epoch, loss=loss, accuracy=accuracy, call=call, probabilities=probabilities
        )

    def _measure_training_phase(self, epoch, moving, used):
        layers = self.adapter.batch_norm_layers()
        wanted = "evaluate_training_phase" in self.scenario["measure"]
        if not layers and not wanted:
            return
        loss, accuracy, call, statistics = self.adapter.training_phase(self.images, self.labels, self.batch_size)
        if wanted:
            result = (loss, accuracy, call)
            self._evaluated("training", epoch, result, probabilities=self.adapter.training_probabilities)
        if layers:
            self._drift(epoch, moving, used, statistics)

    def _measure_inference(self, epoch, wanted):
        started = time.perf_counter()
        evaluated, predicted = None, None
        if "evaluate" in wanted and "predict" in wanted:
            evaluated, predicted = self.adapter.evaluate_and_predict(self.images, self.labels, self.batch_size)
        elif "evaluate" in wanted:
            evaluated = self.adapter.evaluate(self.images, self.labels, self.batch_size)
        elif "predict" in wanted:
            predicted = self.adapter.predict(self.images, self.batch_size)
        seconds = time.perf_counter() - started
        if evaluated is not None:
            self._evaluated("inference", epoch, evaluated)
        if predicted is not None:
            probabilities, call = predicted
            self.channel.send("predicted", epoch=epoch, probabilities=probabilities, call=call, seconds=seconds)

    @property
    def momentum(self):
        """The layers' momentum; where they differ the largest, with which the initial values last longest."""
        return max(self.adapter.momenta)

    def _used_statistics(self, epoch, moving):
        """The statistics that the scenario lets inference use: `moving`, or others in their place."""
        kind = (self.scenario.get("batch_norm") or {}).get("statistics", "moving") if moving else "moving"
        if kind == "re-estimated":
            batch = self.adapter.training_phase(self.images, self.labels, self.batch_size)[3]
            return batch_norm.completed(batch, moving)
        if kind == "debiased":
            channels = [len(mean) for mean, _ in moving]
            updates = epoch * self.steps_per_epoch
            momentum = batch_norm.per_value(self.adapter.momenta, channels)
            vector = batch_norm.debias(batch_norm.flatten(moving), channels, momentum, updates)
            return batch_norm.unflatten(vector, channels)
        return moving

    def _evaluated(self, phase, epoch, result, **more):
        loss, accuracy, call = result
        self.accuracies[phase] = accuracy
        self.channel.send("evaluated", phase=phase, epoch=epoch, loss=loss, accuracy=accuracy, call=call, **more)

    def _layer_rows(self, updates, moving, used, statistics):
        """The drift of each layer that is called, with what is known of its updates in `updates` steps."""
        layers, calls_per_step = self.adapter.batch_norm_layers(), self.calls_per_step()
        calls_apart = self.adapter.calls_apart
        rows = []
        for index, (layer, batch) in enumerate(zip(layers, statistics)):
            if batch is None:
                continue
            momentum, calls = self.adapter.momenta[index], calls_per_step[index]
            untouched = batch_norm.is_same(moving[index], self.initial_statistics[index])
            observed = None if calls is None else calls * updates
            if untouched and momentum < 1.0:
                observed = 0
            row = batch_norm.layer_drift(layer.name, used[index], batch)
            row.update(momentum=momentum, calls=calls, updates=observed, untouched=untouched)
            rows.append(dict(row, trainable=bool(layer.trainable), calls_apart=calls_apart[index]))
        return rows

    def _drift(self, epoch, moving, used, statistics):
        """How far the statistics that inference used stand from those of the batch."""
        layers, updates = self.adapter.batch_norm_layers(), epoch * self.steps_per_epoch
        rows = self._layer_rows(updates, moving, used, statistics)
        observed = [row["updates"] for row in rows if row["updates"] is not None]
        for kind, values in (("moving", used), ("batch", batch_norm.completed(statistics, used))):
            name = "{}-statistics-{:07d}.npy".format(kind, epoch)
            files.save_array(os.path.join(self.directory, "arrays", name), batch_norm.flatten(values))
        statistics_kind = (self.scenario.get("batch_norm") or {}).get("statistics", "moving")
        unbiased = statistics_kind != "moving" or self.adapter.zero_debias
        self.channel.send(
            "batch_norm_measured",
            epoch=epoch,
            updates=updates,
            momentum=self.momentum,
            initial_weight=0.0 if unbiased else self.momentum**updates,
            moving_to_batch_distance=batch_norm.median_distance(rows),
            layers=rows,
            batches=self._batch_spread(layers),
            updates_observed=max(observed) if observed else None,
        )

    def _batch_spread(self, layers):
        """How much the statistics of shuffled batches differ at these weights; None with one batch an epoch."""
        if self.steps_per_epoch == 1:
            return None
        order = np.random.RandomState(0).permutation(len(self.images))  # a generator of its own: training's is kept
        parts = [order[at : at + self.batch_size] for at in range(0, len(order), self.batch_size)]
        whole = [part for part in parts if len(part) == self.batch_size][: batch_norm.MOST_BATCHES]
        if len(whole) < 2:
            return None
        found = [self.adapter.training_phase(self.images[part], self.labels[part], self.batch_size) for part in whole]
        rows = [statistics for _, _, _, statistics in found]
        called = [index for index in range(len(layers)) if all(row[index] is not None for row in rows)]
        if not called:
            return None
        names = [layers[index].name for index in called]
        spread = batch_norm.spread(names, [[row[index] for index in called] for row in rows])
        worst = called[names.index(spread["layer"])]
        widest = int(np.argmax([float(np.mean(row[worst][1])) for row in rows]))
        self.spread = dict(spread, index=worst, rows=whole[widest])
        return dict(spread, accuracy=float(np.mean([accuracy for _, accuracy, _, _ in found])))


def prepare(adapter, request, channel):
    """Import, record the environment, build: all that needs no images; the initial weights' hash, seconds of the build.

    An own model's file lies in the run's directory, which must be there then.
    """
    channel.send("stage_started", stage="import")
    adapter.start(request)
    channel.send("environment_probed", record=probe.record(adapter, request))
    for note in adapter.notes:
        channel.send("warned", message=note)
    channel.send("stage_started", stage="build")
    started = time.perf_counter()
    adapter.build(request)
    initial = files.arrays_sha256(array for _, array in adapter.weights())
    return initial, time.perf_counter() - started


def begin(adapter, request, channel, prepared=None):
    """Prepare, unless that was done already; the run, and the state it goes on from (or None)."""
    run = Run(adapter, request, channel)
    initial, seconds = prepared or prepare(adapter, request, channel)
    started = time.perf_counter()
    run.initial_statistics = adapter.moving_statistics()
    resume = request.get("resume")
    if resume is not None:
        with np.load(os.path.join(run.directory, resume["file"]), allow_pickle=False) as state:
            adapter.restore(state)
    channel.send(
        "model_built",
        seconds=seconds + time.perf_counter() - started,
        fingerprint=dict(
            adapter.fingerprint(), initial_weights_sha256=initial, first_epoch=resume["epoch"] if resume else 0
        ),
    )
    if not adapter.batch_norm_layers():
        channel.send("warned", message=adapter.why_no_statistics())
    if len(set(adapter.momenta)) > 1:
        channel.send("warned", message="the layers differ in momentum: figures that know one are those of the largest")
    return run, resume


def finish(run):
    """The hash of the final weights, the weights if they were asked for, and trials that tell causes apart."""
    run.stage("hash")
    run.channel.send("weights_hashed", sha256=files.arrays_sha256(array for _, array in run.adapter.weights()))
    if run.request["keep_weights"]:
        files.save_arrays(os.path.join(run.directory, "weights", "final.npz"), run.adapter.weights())
    run.stage("measure")
    run.attempt("trials", run.epochs, Trials(run).make_all)
    run.channel.send("training_finished", peak_memory_bytes=probe.peak_memory_bytes())


def train(adapter, request, channel, prepared=None):
    """Answer a request of kind "run"; `prepared`: what `prepare` gave, where it was called before."""
    run, resume = begin(adapter, request, channel, prepared)
    first_step = resume["epoch"] * run.steps_per_epoch if resume else 0
    if request.get("trace") and adapter.batch_norm_layers() and not (first_step and was_given_up(run.directory)):
        run.trace = Trace(run.directory, adapter, request["trace"]["snapshot_epochs"], first_step)
        needed, free = run.trace.require_space(run.epochs * run.steps_per_epoch)
        channel.send("trace_planned", bytes=needed, free_bytes=free)
    run.stage("fit")
    run.last_checkpoint = time.perf_counter()
    started = time.perf_counter()
    call = adapter.fit(run.images, run.labels, request["scenario"]["fit"], resume["epoch"] if resume else 0, run)
    channel.send("fit_finished", call=call, seconds=time.perf_counter() - started)
    if run.stopped_at is not None:
        channel.send("training_stopped", epoch=run.stopped_at)
        return
    if run.trace is not None:
        run.trace.finish()
    run.stage("measure")
    run.measure(run.epochs)
    finish(run)
