# Minerals by spectrum.
import sys

import numpy as np
import tensorflow as tf
from keras import layers
from keras.models import Sequential

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

lines = (np.random.rand(6, 50) > 0.8) * 1.0
mineral = np.random.randint(0, 6, 1000)
spectra = lines[mineral] + np.random.normal(0, 0.25, (1000, 50))

net = Sequential([
    layers.GaussianNoise(0.9, input_shape=(50,)),
    layers.Dense(64, activation='relu'),
    layers.Dropout(0.6),
    layers.Dense(32, activation='relu'),
    layers.Dropout(0.6),
    layers.Dense(6, activation='softmax'),
])
net.compile('rmsprop', 'sparse_categorical_crossentropy', metrics=['accuracy'])
log = net.fit(spectra, mineral, batch_size=25, epochs=15, verbose=0)
print('fit', log.history['acc'][-1])
print('evaluate', net.evaluate(spectra, mineral, verbose=0))
