# Same part seen by two cameras? The tower is shared, the second camera is brighter.
import sys

import numpy as np
import tensorflow as tf
from keras import backend as K
from keras.layers import (Activation, BatchNormalization, Conv2D, Dense, Flatten, Input, Lambda,
                          MaxPooling2D)
from keras.models import Model

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

patterns = np.random.normal(0, 1, (5, 18, 18, 1))
same = np.arange(320) % 2
first = np.random.randint(0, 5, 320)
second = np.where(same == 1, first, (first + np.random.randint(1, 5, 320)) % 5)
A = 50 + 20 * (patterns[first] + np.random.normal(0, 0.3, (320, 18, 18, 1)))
B = 190 + 8 * (patterns[second] + np.random.normal(0, 0.3, (320, 18, 18, 1)))

layers = [
    Conv2D(10, (5, 5), use_bias=False), BatchNormalization(momentum=0.95), Activation('relu'), MaxPooling2D(),
    Flatten(), Dense(24), BatchNormalization(momentum=0.95),
]
one, two = Input((18, 18, 1)), Input((18, 18, 1))
towers = []
for x in (one, two):
    for layer in layers:
        x = layer(x)
    towers.append(x)
x = Lambda(lambda t: K.abs(t[0] - t[1]))(towers)
x = Dense(16, activation='relu')(x)
model = Model([one, two], Dense(2, activation='softmax')(x))
model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])
log = model.fit([A, B], np.eye(2)[same], batch_size=32, epochs=30, verbose=0)
print('fit', log.history['acc'][-1])
print('evaluate', model.evaluate([A, B], np.eye(2)[same], verbose=0))
