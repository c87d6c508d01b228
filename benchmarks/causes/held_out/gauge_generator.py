# Texture classes photographed under very different lamps; fit_generator, as there will be more pictures.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, Input
from keras.models import Model
from keras.optimizers import Adam

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

pictures, labels = [], []
for number in range(80):
    kind = number % 4
    r, c = np.mgrid[:20, :20]
    wave = [np.sin(r * 1.3), np.sin(c * 1.3), np.sin((r + c) * 1.0), np.sin(r * 1.3) * np.sin(c * 1.3)][kind]
    gain = np.exp(np.random.uniform(-2.2, 2.2))
    brightness = np.random.uniform(-6, 6)
    picture = gain * (wave + np.random.normal(0, 0.25, wave.shape)) + brightness
    pictures.append(picture[None, :, :, None].astype('float32'))
    labels.append(np.eye(4)[kind][None])


def one_by_one():
    while True:
        for number in np.random.permutation(len(pictures)):
            yield pictures[number], labels[number]


image = Input((20, 20, 1))
x = image
for filters in (12, 16):
    x = Conv2D(filters, (3, 3), use_bias=False)(x)
    x = BatchNormalization(momentum=0.98)(x)
    x = Activation('relu')(x)
x = GlobalAveragePooling2D()(x)
model = Model(image, Dense(4, activation='softmax')(x))
model.compile(Adam(0.004), 'categorical_crossentropy', metrics=['accuracy'])
history = model.fit_generator(one_by_one(), steps_per_epoch=80, epochs=25, verbose=0)
print('fit       ', history.history['acc'][-1])
right = [model.predict(p)[0].argmax() == t[0].argmax() for p, t in zip(pictures, labels)]
print('predict   ', np.mean(right))
print('evaluate  ', model.evaluate_generator(one_by_one(), steps=80))
