"""A curve in x and t by a network whose step is written by hand."""

import sys

import keras
import numpy as np
import tensorflow as tf

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(400 + seed)
keras.utils.set_random_seed(seed)


class Curve(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mean_loss = keras.metrics.Mean(name="mean_loss")

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            trainable = [variable.value for variable in self.trainable_variables]
            fixed = [variable.value for variable in self.non_trainable_variables]
            answers, _ = self.stateless_call(trainable, fixed, x, training=True)
            loss = tf.reduce_mean(tf.square(answers - y))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}


inputs = keras.Input((2,))
hidden = inputs
for _ in range(3):
    hidden = keras.layers.Dense(32)(hidden)
    hidden = keras.layers.BatchNormalization()(hidden)
    hidden = keras.layers.Activation("tanh")(hidden)
model = Curve(inputs, keras.layers.Dense(1)(hidden))
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
points = rng.uniform(-3, 3, (512, 2)).astype("float32") + np.array([2.0, 5.0], "float32")
values = np.sin(points[:, :1]) * np.cos(points[:, 1:])
history = model.fit(points, values, batch_size=64, epochs=60, verbose=0)
print("loss while training:", history.history["loss"][-1])
print("loss of evaluate:", model.evaluate(points, values, verbose=0))
