"""Keras 3 with the TensorFlow backend."""

import numpy as np

from repro_worker.adapters.tf2 import TF2Adapter


class Keras3(TF2Adapter):
    """Literal calls of Keras 3; optimizer and metrics are built before `fit` (one trace for two, same bits)."""

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

    def fingerprint(self):
        return dict(super().fingerprint(), jit_compile=bool(self.model.jit_compile))

    def state_variables(self):
        return list(self.model.variables) + list(self.model.optimizer.variables)
