"""tf.keras of TensorFlow 2: the legacy tf-keras package, or the Keras 2 that TensorFlow up to 2.15 brings."""

from repro_worker.adapters.base import seed_python
from repro_worker.adapters.tf2 import TF2Adapter


class TFKeras(TF2Adapter):
    """Literal calls of tf.keras."""

    update_rule = "difference"

    def import_keras(self):
        return self.tf.keras

    def versions(self):
        from importlib import import_module

        module = import_module(self.keras.__name__)
        version = getattr(module, "__version__", None) or self.tf.keras.__version__
        return {"keras": version, "tensorflow": self.tf.__version__, "backend": "tensorflow"}

    def seed(self, seed):
        seed_python(seed)
        self.tf.random.set_seed(seed)

    def trains(self, layer, training):
        training = layer._get_training_value(training)
        return bool(training) if isinstance(training, (bool, int)) else None

    def input_statistics(self, layer, inputs):
        """The fused kernel averages variance * N / (N - 1), where N values make one."""
        mean, variance = super().input_statistics(layer, inputs)
        if layer.fused:
            values = self.tf.cast(self.tf.size(inputs) // self.tf.size(mean), self.tf.float32)
            variance *= values / self.tf.maximum(values - 1.0, 1.0)
        return mean, variance

    def fingerprint(self):
        jit = getattr(self.model, "_jit_compile", None)
        return dict(super().fingerprint(), jit_compile=bool(jit))

    def state_variables(self):
        optimizer = self.model.optimizer
        if hasattr(optimizer, "build"):
            if not getattr(optimizer, "built", False):
                optimizer.build(self.model.trainable_variables)
            variables = optimizer.variables
            return list(self.model.weights) + list(variables() if callable(variables) else variables)
        optimizer._create_all_weights(self.model.trainable_variables)
        return list(self.model.weights) + list(optimizer.weights)
