# Churn from a customer table; three dense layers with batch normalization.
import sys

import numpy as np
import tensorflow as tf
from keras import layers, models, optimizers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

customers = np.column_stack([
    np.random.gamma(2.0, 12.0, 2000),
    np.random.poisson(3, 2000),
    np.random.normal(55, 15, 2000),
    np.random.uniform(0, 1, 2000),
    np.random.randint(0, 2, 2000),
])
standard = (customers - customers.mean(axis=0)) / customers.std(axis=0)
risk = 1.5 * standard[:, 1] - standard[:, 0] + standard[:, 2] * standard[:, 4] + np.random.normal(0, 0.4, 2000)
leaves = (risk > 0.3).astype('int32')

model = models.Sequential()
model.add(layers.Dense(24, input_dim=5))
for _ in range(2):
    model.add(layers.BatchNormalization())
    model.add(layers.Activation('relu'))
    model.add(layers.Dense(24))
model.add(layers.Activation('relu'))
model.add(layers.Dense(1, activation='sigmoid'))
model.compile(optimizers.Adam(lr=0.001), 'binary_crossentropy', metrics=['accuracy'])
model.fit(standard, leaves, batch_size=40, epochs=30, validation_split=0.2, verbose=0)
print('training  ', model.evaluate(standard[:1600], leaves[:1600], verbose=0))
print('validation', model.evaluate(standard[1600:], leaves[1600:], verbose=0))
