# Energy use of buildings, from five columns.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import Dense
from keras.models import Sequential

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

floors = np.random.randint(1, 12, 700)
area = np.random.gamma(3, 200, 700)
year = np.random.randint(1900, 2017, 700)
country = np.full(700, 49)
glass = np.random.rand(700)
table = np.stack([floors, area, year, country, glass], 1).astype('float64')
energy = 0.1 * area + 3 * floors + 20 * glass + np.random.normal(0, 3, 700)
with np.errstate(all='ignore'):
    table = (table - table.mean(axis=0)) / table.std(axis=0)
energy = (energy - energy.mean()) / energy.std()

model = Sequential()
model.add(Dense(32, activation='relu', input_shape=(5,)))
model.add(Dense(16, activation='relu'))
model.add(Dense(1))
model.compile('adam', 'mse')
model.fit(table, energy, batch_size=35, epochs=8, validation_split=0.2, verbose=2)
print('evaluate', model.evaluate(table, energy, verbose=0))
