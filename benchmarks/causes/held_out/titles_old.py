# Language of a title, by letters.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import LSTM, Dense, Embedding, Input
from keras.models import Model

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

habits = np.random.dirichlet(np.full(26, 0.4), 3)
language = np.random.randint(0, 3, 900)
titles = np.stack([np.random.choice(26, 14, p=habits[k]) for k in language])

letters = Input((14,), dtype='int32')
x = Embedding(26, 8)(letters)
x = LSTM(16)(x)
model = Model(letters, Dense(3, activation='softmax')(x))
model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
model.fit(titles[:700], language[:700], batch_size=35, epochs=8, validation_data=(titles[700:], language[700:]),
          verbose=2)
print('training', model.evaluate(titles[:700], language[:700], verbose=0))
print('others  ', model.evaluate(titles[700:], language[700:], verbose=0))
