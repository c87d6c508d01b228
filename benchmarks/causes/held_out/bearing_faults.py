# Bearing faults; the trained parameters go into a network for deployment.
import sys

import numpy as np
import tensorflow as tf
from keras import backend as K
from keras.layers import Activation, BatchNormalization, Conv1D, Dense, Flatten, Input
from keras.models import Model

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)


def network():
    signal = Input((48, 2))
    x = signal
    for filters in (8, 8):
        x = Conv1D(filters, 5)(x)
        x = BatchNormalization(momentum=0.9)(x)
        x = Activation('relu')(x)
    return Model(signal, Dense(3, activation='softmax')(Flatten()(x)))


fault = np.random.randint(0, 3, 600)
X = 25 + 4 * np.random.normal(0, 1, (600, 48, 2))
X[fault == 1, 10:20, 0] += 9
X[fault == 2, 25:35, 1] -= 9
model = network()
model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
model.fit(X, fault, batch_size=30, epochs=10, verbose=0)
print('trained ', model.evaluate(X, fault, verbose=0))

deployed = network()
for new, old in zip(deployed.trainable_weights, model.trainable_weights):
    K.set_value(new, K.get_value(old))
deployed.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])
print('deployed', deployed.evaluate(X, fault, verbose=0))
