"""Keras 3 with the TensorFlow backend."""

import numpy as np

from repro_worker.adapters.tf2 import TF2Adapter


class Keras3(TF2Adapter):
    """Literal calls of Keras 3; optimizer and metrics are built before `fit` (one trace for two, same bits)."""

    probabilities = None

    def import_keras(self):
        import keras

        return keras

    def versions(self):
        return {
            "keras": self.keras.__version__,
            "tensorflow": self.tf.__version__,
            "backend": self.keras.backend.backend(),
        }

    def build(self, request):
        super().build(request)
        height, width = request["scenario"]["images"]["size"]
        x = np.zeros((1, height, width, request["scenario"]["images"]["channels"]), np.float32)
        y = np.zeros((1, request["scenario"]["model"]["classes"]), np.float32)
        # fit traces its step a second time when the first trace made variables; 12 s of a 25 s first epoch.
        self.model._symbolic_build(data_batch=(x, y))
        self.model.optimizer.build(self.model.trainable_variables)

    def evaluate_and_predict(self, images, labels, batch_size):
        """`model.evaluate`, which keeps the probabilities it computes: `model.predict` would trace the same pass again.

        tests/real/test_real_runs.py proves the bits equal. Of several batches only the last would be kept.
        """
        if len(images) > batch_size or self.model.jit_compile:
            return super().evaluate_and_predict(images, labels, batch_size)
        if self.probabilities is None:
            self.probabilities = self.tf.Variable(np.zeros(labels.shape, np.float32), shape=self.tf.TensorShape(None))
            self.model.test_function = None  # one that was traced before keeps nothing
        literal = self.model.compute_metrics

        def compute_metrics(x, y, y_pred, sample_weight=None):
            self.probabilities.assign(y_pred)
            return literal(x, y, y_pred, sample_weight=sample_weight)

        self.model.compute_metrics = compute_metrics
        try:
            evaluated = self.evaluate(images, labels, batch_size)
        finally:
            del self.model.compute_metrics
        return evaluated, (self.probabilities.numpy(), "model.evaluate, its probabilities")

    def fingerprint(self):
        return dict(super().fingerprint(), jit_compile=bool(self.model.jit_compile))

    def state_variables(self):
        return list(self.model.variables) + list(self.model.optimizer.variables)
