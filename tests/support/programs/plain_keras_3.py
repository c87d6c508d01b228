"""The report's literal Keras calls in Keras 3, with nothing of ours in between.

    python plain_keras_3.py IMAGES.npy EPOCHS THREADS BATCH_SIZE APPLICATION

IMAGES.npy: uint8 (3, height, width, channels). Prints one JSON object: what `evaluate` and `predict` give, and
the SHA-256 over the bytes of the trained weights.
"""

import hashlib
import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

images_file, epochs, threads, batch_size = sys.argv[1], *map(int, sys.argv[2:5])
network = getattr(keras.applications, sys.argv[5])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
keras.utils.set_random_seed(0)

images, labels = np.load(images_file), np.eye(3)
model = network(input_shape=images.shape[1:], classes=3, weights=None)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["acc"])
model.fit(images, labels, epochs=epochs, shuffle=True, batch_size=batch_size, verbose=0)
loss, accuracy = model.evaluate(images, labels, verbose=0)
probabilities = model.predict(images, verbose=0)

digest = hashlib.sha256()
for weight in model.get_weights():
    digest.update(np.ascontiguousarray(weight).tobytes())
found = {"loss": loss, "accuracy": accuracy, "probabilities": probabilities.tolist()}
print(json.dumps({**found, "weights_sha256": digest.hexdigest()}))
