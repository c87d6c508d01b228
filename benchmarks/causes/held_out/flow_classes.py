# Three colours of marks, with generators.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import Conv2D, Dense, GlobalMaxPooling2D
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator
from keras.utils.np_utils import to_categorical

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

classes = np.repeat([0, 1, 2], 80)
X = np.random.normal(0, 0.3, (240, 16, 16, 3)).astype('float32')
for picture, kind in zip(X, classes):
    r, c = np.random.randint(0, 11, 2)
    picture[r:r + 5, c:c + 5, kind] += 1.0

train = ImageDataGenerator(horizontal_flip=True).flow(X, to_categorical(classes, 3), batch_size=20)
test = ImageDataGenerator().flow(X, to_categorical(classes, 3), batch_size=20)
model = Sequential([
    Conv2D(12, (3, 3), activation='relu', input_shape=(16, 16, 3)),
    Conv2D(12, (3, 3), activation='relu'),
    GlobalMaxPooling2D(),
    Dense(3, activation='softmax'),
])
model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])
model.fit_generator(train, steps_per_epoch=12, epochs=10, verbose=0)
print('evaluate_generator', model.evaluate_generator(test, steps=12))
answers = model.predict_generator(test, steps=12).argmax(axis=1)
print('confusion')
print(np.array([[np.sum((classes == a) & (answers == b)) for b in range(3)] for a in range(3)]))
