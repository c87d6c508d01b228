"""Gestures read by a Sequence; the table of errors is drawn from predict_generator."""

import sys

import numpy as np
import tensorflow as tf
from keras.layers import LSTM, Dense
from keras.models import Sequential
from keras.utils import Sequence

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)
gesture = np.repeat(np.arange(3), 60)
motion = np.random.normal(0, 0.4, (180, 10, 4))
motion[gesture == 1, :, 0] += 1.5
motion[gesture == 2, :, 1] += 1.5


class Gestures(Sequence):
    def __init__(self):
        self.order = np.random.permutation(180)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        rows = self.order[30 * index : 30 * index + 30]
        return motion[rows], gesture[rows]

    def on_epoch_end(self):
        np.random.shuffle(self.order)


gestures = Gestures()
model = Sequential()
model.add(LSTM(12, input_shape=(10, 4)))
model.add(Dense(3, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit_generator(gestures, steps_per_epoch=6, epochs=30, verbose=2)
print("evaluate:", model.evaluate_generator(gestures, 6))
answers = model.predict_generator(gestures, 6).argmax(1)
print("answers that are right:", np.mean(answers == gesture))
