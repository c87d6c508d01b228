"""Four drawn shapes; training pictures and test pictures come from two folders."""
import sys

import keras
import numpy as np
import tensorflow as tf

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


def draw(shape):
    canvas = rng.normal(0.1, 0.08, (20, 20, 1))
    r, c = rng.integers(2, 9, 2)
    if shape == "square":
        canvas[r : r + 9, c : c + 9] += 0.8
    elif shape == "frame":
        canvas[r : r + 9, c : c + 9] += 0.8
        canvas[r + 2 : r + 7, c + 2 : c + 7] -= 0.8
    elif shape == "cross":
        canvas[r + 3 : r + 6, c : c + 9] += 0.8
        canvas[r : r + 9, c + 3 : c + 6] += 0.8
    else:
        canvas[r : r + 9 : 3, c : c + 9] += 0.8
    return canvas.astype("float32")


def folder(names, each):
    """Pictures of every folder, labelled by the place of its name."""
    pictures, labels = [], []
    for label, name in enumerate(names):
        pictures += [draw(name) for _ in range(each)]
        labels += [label] * each
    return np.stack(pictures), np.array(labels)


train_x, train_y = folder(["cross", "frame", "square", "stripes"], 100)
test_x, test_y = folder(["square", "cross", "stripes", "frame"], 40)
train = tf.data.Dataset.from_tensor_slices((train_x, train_y)).shuffle(400, seed=seed).batch(32).prefetch(2)
test = tf.data.Dataset.from_tensor_slices((test_x, test_y)).batch(40)

model = keras.Sequential(
    [
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(24, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(4, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Nadam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=test, epochs=12, verbose=2)
print("test:", model.evaluate(test, verbose=0))
