# A base from another task is frozen as a whole; only the new head is trained.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten, Input, MaxPooling2D
from keras.models import Model

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

marks = np.random.normal(0, 1, (8, 16, 16, 1))


def pictures(count, kinds, level, contrast):
    label = np.random.choice(kinds, count)
    noise = np.random.normal(0, 0.5, (count, 16, 16, 1))
    return level + contrast * (marks[label] + noise), label


image = Input((16, 16, 1))
x = image
for filters in (12, 16):
    x = Conv2D(filters, (3, 3))(x)
    x = BatchNormalization(momentum=0.9)(x)
    x = Activation('relu')(x)
x = MaxPooling2D()(x)
x = Flatten()(x)
base = Model(image, x)

source = Model(image, Dense(4, activation='softmax')(base(image)))
source.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
X, y = pictures(600, [0, 1, 2, 3], 0.0, 1.0)
source.fit(X, y, batch_size=30, epochs=6, verbose=0)
print('source task', source.evaluate(X, y, verbose=0))

base.trainable = False
target = Model(image, Dense(4, activation='softmax')(base(image)))
target.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
X, y = pictures(600, [4, 5, 6, 7], 5.0, 0.4)
y = y - 4
log = target.fit(X, y, batch_size=30, epochs=15, verbose=0)
print('target task: fit', log.history['acc'][-1], 'evaluate', target.evaluate(X, y, verbose=0))
