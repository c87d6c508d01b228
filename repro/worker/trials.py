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
LARGE_BATCH = 32


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
        layers = self.adapter.batch_norm_layers()
        random_layers = self.adapter.has_random_layers()
        trials = [
            ("single-images", 1, self._single_images, True),
            ("shuffled-images", self.batch_size, self._shuffled_images, True),
            ("larger-batches", self.larger, self._training_phase, bool(layers) and self.larger > self.batch_size),
            ("re-estimated", self.batch_size, self._re_estimated, bool(layers)),
            ("re-estimated-larger-batches", self.larger, self._re_estimated, self.larger > self.batch_size and layers),
            ("training-without-random-layers", self.batch_size, self._without_random_layers, random_layers),
            (
                "re-estimated-without-random-layers",
                self.batch_size,
                self._re_estimated_quietly,
                random_layers and layers,
            ),
        ]
        for name, batch_size, trial, is_wanted in trials:
            if is_wanted:
                self.run.attempt("the trial " + name, self.run.epochs, self._make, name, batch_size, trial)

    def _make(self, name, batch_size, trial):
        if time.perf_counter() > self.last_begin:
            return
        started = time.perf_counter()
        moving = self.adapter.moving_statistics()
        try:
            images, loss, accuracy = trial(batch_size)
        finally:
            self.adapter.set_moving_statistics(moving)
        seconds = time.perf_counter() - started
        reference_loss, reference_accuracy = scores(self.reference[self.order[:images]], self.labels[:images])
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
            seconds=seconds,
        )

    def _single_images(self, batch_size):
        return self._inference(self.images[:MOST_SINGLE_IMAGES], self.labels[:MOST_SINGLE_IMAGES], batch_size)

    def _shuffled_images(self, batch_size):
        return self._inference(self.images, self.labels, batch_size)

    def _inference(self, images, labels, batch_size):
        probabilities, _ = self.adapter.predict(images, batch_size)
        return (len(images),) + scores(probabilities, labels)

    def _training_phase(self, batch_size, random_layers=True):
        loss, accuracy, _, _ = self.adapter.training_phase(self.images, self.labels, batch_size, random_layers)
        return len(self.images), loss, accuracy

    def _without_random_layers(self, batch_size):
        return self._training_phase(batch_size, random_layers=False)

    def _re_estimated(self, batch_size, random_layers=True):
        pairs = self.adapter.training_phase(self.images, self.labels, batch_size, random_layers)[3]
        self.adapter.set_moving_statistics(batch_norm.completed(pairs, self.adapter.moving_statistics()))
        return self._inference(self.images, self.labels, self.batch_size)

    def _re_estimated_quietly(self, batch_size):
        return self._re_estimated(batch_size, random_layers=False)
