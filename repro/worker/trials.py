"""What the final weights give in other circumstances, to tell causes apart; bounded in time, without any training.

They come after all that the run is asked for, and leave the moving statistics as they were.
"""

import time

import numpy as np

from repro_worker import batch_norm
from repro_worker.adapters.base import scores

# Parameters times pixels of an image, with which the time of a forward pass grows: 9e11 for ResNet50 at 197 x 197,
# 1e7 for a small network on small images, whose trials take a second or so. Of larger networks none is made.
MOST_WORK = 1e9
MOST_SECONDS = 10.0  # after which no other trial is begun, on a machine that is busy
MOST_BATCHES = 32
MOST_IMAGES = 512
MOST_SINGLE_IMAGES = 32
MOST_LEFT_OUT = 64  # images of one batch that are left out in turn
LARGE_BATCH = 32
# Differences of accuracy that a trial with other images, or without an image, may explain.
GAP = 0.1
OUTLIER_VARIANCE = 4.0


class Trials:
    """Makes the trials of one finished training."""

    def __init__(self, run):
        self.run, self.adapter = run, run.adapter
        self.last_begin = time.perf_counter() + MOST_SECONDS
        count = min(MOST_IMAGES, MOST_BATCHES * run.batch_size)
        self.order = np.random.RandomState(0).permutation(len(run.images))[:count]
        self.images, self.labels = run.images[self.order], run.labels[self.order]
        self.batch_size = min(run.batch_size, len(self.order))
        self.larger = min(len(self.order), max(LARGE_BATCH, 4 * self.batch_size))

    def make_all(self):
        """Send an event for each trial that tells something of this model."""
        height, width = self.images.shape[1:3]
        if self.adapter.model.count_params() * height * width > MOST_WORK:
            return
        self.reference, _ = self.adapter.predict(self.run.images, self.run.batch_size)
        own, larger = self.batch_size, self.larger
        layers = bool(self.adapter.batch_norm_layers())
        names = self.adapter.random_layer_names()
        for name, batch_size, trial, is_wanted in (
            ("single-images", 1, self._single_images, True),
            ("shuffled-images", own, self._inference, True),
            ("larger-batches", larger, self._training_phase, layers and larger > own),
            ("re-estimated", own, self._re_estimated, layers),
            ("re-estimated-larger-batches", larger, self._re_estimated, layers and larger > own),
            ("debiased", own, self._debiased, layers and not self.adapter.zero_debias),
            ("training-without-random-layers", own, self._without_random_layers, names),
            ("re-estimated-without-random-layers", own, self._re_estimated_quietly, names and layers),
        ):
            if is_wanted:
                more = {"layers": names} if name.endswith("without-random-layers") else {}
                self._try(name, batch_size, trial, **more)
        if layers:
            self.run.attempt("the image that stands out", self.run.epochs, self._try_without_an_image)
        self._try_other_images()

    def _try(self, name, batch_size, trial, **more):
        self.run.attempt("the trial " + name, self.run.epochs, self._make, name, batch_size, trial, more)

    def _make(self, name, batch_size, trial, more):
        if time.perf_counter() > self.last_begin:
            return
        started = time.perf_counter()
        moving = self.adapter.moving_statistics()
        try:
            (loss, accuracy), (reference_loss, reference_accuracy), images = trial(batch_size)
        finally:
            self.adapter.set_moving_statistics(moving)
        self.run.channel.send(
            "trial_measured",
            epoch=self.run.epochs,
            trial=name,
            images=images,
            batch_size=batch_size,
            loss=loss,
            accuracy=accuracy,
            reference_loss=reference_loss,
            reference_accuracy=reference_accuracy,
            seconds=time.perf_counter() - started,
            **more,
        )

    # Each returns (loss, accuracy) of the trial and of plain inference on the same images, and their number.

    def _compared(self, result, rows=None):
        """`result` beside plain inference on the images at `rows` of the shuffled order; None: all of them."""
        order = self.order if rows is None else self.order[rows]
        return result, scores(self.reference[order], self.run.labels[order]), len(order)

    def _single_images(self, batch_size):
        return self._inference(batch_size, slice(0, MOST_SINGLE_IMAGES))

    def _inference(self, batch_size, rows=slice(None)):
        probabilities, _ = self.adapter.predict(self.images[rows], batch_size)
        return self._compared(scores(probabilities, self.labels[rows]), rows)

    def _training_phase(self, batch_size, random_layers=True):
        loss, accuracy, _, _ = self.adapter.training_phase(self.images, self.labels, batch_size, random_layers)
        return self._compared((loss, accuracy))

    def _without_random_layers(self, batch_size):
        return self._training_phase(batch_size, random_layers=False)

    def _re_estimated(self, batch_size, random_layers=True, rows=slice(None)):
        images, labels = self.images[rows], self.labels[rows]
        pairs = self.adapter.training_phase(images, labels, batch_size, random_layers)[3]
        self.adapter.set_moving_statistics(batch_norm.completed(pairs, self.adapter.moving_statistics()))
        return self._inference(self.batch_size, rows)

    def _re_estimated_quietly(self, batch_size):
        return self._re_estimated(batch_size, random_layers=False)

    def _debiased(self, batch_size):
        """With the initial values taken out of each layer's averages, by the updates that it had."""
        steps = self.run.epochs * self.run.steps_per_epoch
        pairs = []
        calls_per_step = self.run.calls_per_step()
        for pair, momentum, calls in zip(self.adapter.moving_statistics(), self.adapter.momenta, calls_per_step):
            if calls and momentum < 1.0:
                channels = [len(pair[0])]
                vector = batch_norm.debias(batch_norm.flatten([pair]), channels, momentum, calls * steps)
                pair = batch_norm.unflatten(vector, channels)[0]
            pairs.append(pair)
        self.adapter.set_moving_statistics(pairs)
        return self._inference(batch_size)

    # --- the image that a batch's variance rests on ---

    def _try_without_an_image(self):
        """Re-estimate without the image whose absence lowers the variance of the widest batch most."""
        spread = self.run.spread
        if spread is None or len(spread["rows"]) > MOST_LEFT_OUT:
            return
        if not spread["largest_variance"] >= OUTLIER_VARIANCE:  # nan, too
            return
        variances = []
        for place in range(len(spread["rows"])):
            if time.perf_counter() > self.last_begin:
                return
            rest = np.delete(spread["rows"], place)
            pairs = self.adapter.training_phase(self.run.images[rest], self.run.labels[rest], len(rest))[3]
            variances.append(float(np.mean(pairs[spread["index"]][1])))
        image = int(spread["rows"][int(np.argmin(variances))])
        rows = np.flatnonzero(self.order != image)

        def trial(batch_size):
            return self._re_estimated(batch_size, rows=rows)

        self._try("re-estimated-without-image", self.batch_size, trial, image=image)

    # --- other images ---

    def _try_other_images(self):
        """With images changed, where inference is worse than the training phase, or validation than both."""
        accuracy = scores(self.reference, self.run.labels)[1]
        if accuracy < self.run.accuracies.get("training", accuracy) - GAP:
            self._try_changed("training", self.run.images, self.run.labels, ("divided-by-255", "from-minus-one-to-one"))
        if self.run.validation is not None and self.run.accuracies.get("validation", accuracy) < accuracy - GAP:
            images, labels = self.run.validation
            self._try_changed("validation", images, labels, ("reversed-channels", "inverted", "like-training"))

    def _try_changed(self, images_of, images, labels, names):
        rows = np.random.RandomState(0).permutation(len(images))[:MOST_IMAGES]
        images, labels = images[rows], labels[rows]
        for name in names:
            if name == "reversed-channels" and images.shape[-1] != 3:
                continue

            def trial(batch_size, name=name):
                plain, _ = self.adapter.predict(images, batch_size)
                changed, _ = self.adapter.predict(self._changed(name, images), batch_size)
                return scores(changed, labels), scores(plain, labels), len(images)

            self._try(name, self.batch_size, trial, images_of=images_of)

    def _changed(self, name, images):
        if name == "divided-by-255":
            return images / np.float32(255.0)
        if name == "from-minus-one-to-one":
            return images / np.float32(127.5) - np.float32(1.0)
        if name == "reversed-channels":
            return np.ascontiguousarray(images[..., ::-1])
        if name == "inverted":
            return np.float32(self.images.max()) + np.float32(self.images.min()) - images
        axes = (0, 1, 2)
        mean, deviation = images.mean(axes, dtype=np.float64), images.std(axes, dtype=np.float64)
        own_mean = self.images.mean(axes, dtype=np.float64)
        own_deviation = self.images.std(axes, dtype=np.float64)
        scaled = (images - mean) / np.maximum(deviation, 1e-6) * own_deviation + own_mean
        return scaled.astype(np.float32)
