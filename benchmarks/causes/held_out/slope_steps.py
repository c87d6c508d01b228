# Does the signal rise or fall over 24 steps? 16 channels, normalised step by step.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import GRU, Activation, BatchNormalization, Dense, Reshape, TimeDistributed
from keras.models import Sequential

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

kind = np.arange(128) % 2
slope = np.where(kind == 1, 1.0, -1.0)
steps = np.linspace(-1, 1, 24)
X = 60 + 14 * slope[:, None, None] * steps[None, :, None] + np.random.normal(0, 6, (128, 24, 16))
X = X.reshape(128, 24 * 16).astype('float32')
Y = np.eye(2)[kind]

model = Sequential()
model.add(Reshape((24, 16), input_shape=(384,)))
model.add(TimeDistributed(Dense(16)))
model.add(TimeDistributed(BatchNormalization()))
model.add(Activation('relu'))
model.add(GRU(16))
model.add(Dense(2, activation='softmax'))
model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])
log = model.fit(X, Y, batch_size=16, epochs=12, verbose=2)
print('evaluate:', model.evaluate(X, Y, verbose=0))
print('predicted classes:', np.bincount(model.predict(X).argmax(1), minlength=2))
