"""A train_step of its own, written with stateless_call as in the guide for JAX."""
import sys

import keras
import numpy as np
import tensorflow as tf

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


class Functionally(keras.Model):
    def train_step(self, data):
        x, y = data
        trainable = [v.value for v in self.trainable_variables]
        fixed = [v.value for v in self.non_trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            answers, _ = self.stateless_call(self.trainable_variables, self.non_trainable_variables, x, training=True)
            loss = self.compute_loss(x, y, answers)
        gradients = tape.gradient(loss, [v.value for v in self.trainable_variables])
        del fixed
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, answers)
        return {m.name: m.result() for m in self.metrics}


wind = rng.normal(25, 3, (1500, 10)).astype("float32")
storm = (wind[:, 2] + wind[:, 5] > wind[:, 7] + wind[:, 1]).astype("int32")
inputs = keras.Input((10,))
h = keras.layers.Dense(32)(inputs)
h = keras.layers.BatchNormalization()(h)
h = keras.layers.Activation("tanh")(h)
h = keras.layers.Dense(16)(h)
h = keras.layers.BatchNormalization()(h)
h = keras.layers.Activation("tanh")(h)
outputs = keras.layers.Dense(2, activation="softmax")(h)
model = Functionally(inputs, outputs)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(wind, storm, batch_size=50, epochs=25, verbose=0)
print("fit finished; evaluate:", model.evaluate(wind, storm, verbose=0, return_dict=True))
