"""Answers, without training, what a traced run would have predicted at another momentum."""

import json
import os
import time

import numpy as np

from repro_worker import batch_norm, pixels, probe
from repro_worker.trace import HEAD, ROWS, snapshot


class Oracle:
    """A built network, the run's trace, and the snapshot that is loaded now."""

    def __init__(self, adapter, request):
        self.adapter = adapter
        self.directory = request["source"]["directory"] if request.get("source") else request["directory"]
        self.batch_size = request["scenario"]["fit"]["batch_size"]
        self.images = pixels.load(self.directory, request["scenario"])
        self.labels = np.eye(request["scenario"]["model"]["classes"])[np.asarray(request["labels"])]
        self.steps_per_epoch = -(-len(self.images) // self.batch_size)
        with open(os.path.join(self.directory, HEAD), encoding="utf-8") as stream:
            head = json.load(stream)
        self.channels, self.rule = head["channels"], head["update_rule"]
        rows = np.fromfile(os.path.join(self.directory, ROWS), np.float32)
        columns = head["columns"]
        self.rows = rows[: len(rows) // columns * columns].reshape(-1, columns)
        self.epoch = None
        self.evaluate = adapter.repeated_evaluation(self.images, self.labels, self.batch_size)

    def load(self, epoch):
        """Take the weights of `epoch`'s snapshot."""
        if epoch == self.epoch:
            return
        path = os.path.join(self.directory, snapshot(epoch))
        with np.load(path, allow_pickle=False) as arrays:
            self.adapter.assign_snapshot(arrays[name] for name in sorted(arrays.files))
        self.epoch = epoch
        self.re_estimated, self.re_estimated_with = None, None

    def statistics(self, question):
        """The moving statistics that a question is about, as one vector; momentum None: as the run has them."""
        updates = question["epoch"] * self.steps_per_epoch
        if question["statistics"] == "re-estimated":
            without, batch_size = question.get("without", []), question.get("batch_size") or self.batch_size
            random_layers = question.get("random_layers", True)
            if (without, batch_size, random_layers) != self.re_estimated_with:
                kept = [index for index in range(len(self.images)) if index not in without]
                images, labels = self.images[kept], self.labels[kept]
                _, _, _, pairs = self.adapter.training_phase(images, labels, batch_size, random_layers)
                pairs = batch_norm.completed(pairs, self.adapter.moving_statistics())
                self.re_estimated_with = (without, batch_size, random_layers)
                self.re_estimated = batch_norm.flatten(pairs)
            return self.re_estimated
        momentum = question["momentum"]
        if momentum is None:
            momentum = batch_norm.per_value(self.adapter.momenta, self.channels)
        moving = batch_norm.replay(self.rows[:updates], self.channels, momentum, self.rule)
        if question["statistics"] == "debiased":
            return batch_norm.debias(moving, self.channels, momentum, updates)
        return moving

    def put_in(self, question):
        """Give the network the weights and the moving statistics that a question is about."""
        self.load(question["epoch"])
        vector = self.statistics(question)
        self.adapter.set_moving_statistics(batch_norm.unflatten(vector, self.channels))

    def answer(self, question):
        """Fields of the event `answered`; the calls are those of a run."""
        started = time.perf_counter()
        self.put_in(question)
        loss, accuracy, probabilities = self.evaluate()
        return {
            "question": question["question"],
            "probabilities": probabilities,
            "loss": loss,
            "accuracy": accuracy,
            "seconds": time.perf_counter() - started,
        }


def serve(adapter, request, channel, lines):
    """Answer one question a line until there are no more."""
    adapter.start(request)
    channel.send("environment_probed", record=probe.record(adapter, request))
    adapter.build(request)
    oracle = Oracle(adapter, request)
    channel.send("stage_started", stage="ready")
    for line in lines:
        channel.send("answered", **oracle.answer(json.loads(line)))
