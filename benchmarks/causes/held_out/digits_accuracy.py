# Ten classes of small glyphs. 90 % after the first epoch already.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.utils.np_utils import to_categorical

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

glyphs = (np.random.rand(10, 7, 7) > 0.5).astype('float32')
labels = np.random.randint(0, 10, 1500)
images = np.random.normal(0, 0.6, (1500, 10, 10, 1)).astype('float32')
for image, label in zip(images, labels):
    r, c = np.random.randint(0, 4, 2)
    image[r:r + 7, c:c + 7, 0] += glyphs[label]

model = Sequential([
    Conv2D(8, (3, 3), activation='relu', input_shape=(10, 10, 1)),
    MaxPooling2D(),
    Flatten(),
    Dense(32, activation='relu'),
    Dense(10, activation='softmax'),
])
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit(images[:1200], to_categorical(labels[:1200], 10), batch_size=64, epochs=14, verbose=2,
          validation_data=(images[1200:], to_categorical(labels[1200:], 10)))
answers = model.predict(images[1200:]).argmax(axis=1)
print('evaluate', model.evaluate(images[1200:], to_categorical(labels[1200:], 10), verbose=0))
print('counted by hand', np.mean(answers == labels[1200:]))
