# State of a machine by segments of its sound; the serving code wants a graph without a switch.
import sys

import numpy as np
import tensorflow as tf
from keras import backend as K
from keras.layers import Activation, BatchNormalization, Conv1D, Dense, GlobalMaxPooling1D
from keras.models import Sequential

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)
K.set_learning_phase(1)

state = np.random.randint(0, 3, 240)
t = np.arange(64)
sound = np.sin(2 * np.pi * np.array([0.05, 0.11, 0.2])[state][:, None] * t + np.random.uniform(0, 6, (240, 1)))
sound = sound * np.random.uniform(0.3, 3.0, (240, 1)) + np.random.normal(0, 0.3, (240, 64))
sound = sound[..., None]

model = Sequential()
model.add(Conv1D(16, 7, input_shape=(64, 1)))
model.add(BatchNormalization())
model.add(Activation('relu'))
model.add(Conv1D(16, 7))
model.add(BatchNormalization())
model.add(Activation('relu'))
model.add(GlobalMaxPooling1D())
model.add(Dense(24))
model.add(BatchNormalization())
model.add(Activation('relu'))
model.add(Dense(3, activation='softmax'))
model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
model.fit(sound, state, batch_size=24, epochs=20, verbose=0)
print('evaluate', model.evaluate(sound, state, batch_size=24, verbose=0))
single = [model.predict(sound[i:i + 1])[0].argmax() for i in range(80)]
print('single segments', np.mean(np.array(single) == state[:80]))
