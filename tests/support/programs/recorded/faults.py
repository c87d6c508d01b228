"""Trains a small model, and ends in the way that the first argument names."""

import os
import resource
import shutil
import signal
import sys
import threading

import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.normal(size=(64, 4)).astype("float32")
y = (x[:, 0] > 0).astype("int32")


def network():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dense(2, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class At(keras.callbacks.Callback):
    """Does something at the end of the third epoch."""

    def __init__(self, action):
        super().__init__()
        self.action = action

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            self.action()


def fail():
    raise RuntimeError("a callback's own")


def interrupt():
    raise KeyboardInterrupt


model = network()
how = sys.argv[1]
if how == "killed":
    model.fit(x, y, epochs=9, verbose=0, callbacks=[At(lambda: os.kill(os.getpid(), signal.SIGKILL))])
elif how == "raises":
    model.fit(x, y, epochs=9, verbose=0, callbacks=[At(fail)])
elif how == "interrupted":
    try:
        model.fit(x, y, epochs=9, verbose=0, callbacks=[At(interrupt)])
    except KeyboardInterrupt:
        print("interrupted", model.evaluate(x, y, verbose=0))
elif how == "ctrl_c":
    model.fit(x, y, epochs=9, verbose=0, callbacks=[At(interrupt)])
elif how == "nested":
    inner = network()
    model.fit(x, y, epochs=4, verbose=0, callbacks=[At(lambda: inner.fit(x, y, epochs=2, verbose=0))])
    print(model.evaluate(x, y, verbose=0), inner.evaluate(x, y, verbose=0))
elif how == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, resource.RLIM_INFINITY))
    model.fit(x, y, epochs=9, verbose=0)
    print(model.evaluate(x, y, verbose=0))
elif how == "os_exit":
    model.fit(x, y, epochs=2, verbose=0)
    print("leaves")
    sys.stdout.flush()
    os._exit(7)
elif how == "forks":
    model.fit(x, y, epochs=2, verbose=0)
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    os.chdir("/")
    model.fit(x, y, epochs=1, verbose=0)
    print(model.evaluate(x, y, verbose=0))
    sys.exit(3)
elif how == "deletes":
    model.fit(x, y, epochs=2, verbose=0)
    shutil.rmtree(os.environ.get("REPRO_RECORD_STORE", "nowhere"), ignore_errors=True)
    model.fit(x, y, epochs=2, verbose=0)
    print(model.evaluate(x, y, verbose=0))
elif how == "thread_raises":
    thread = threading.Thread(
        target=model.fit, args=(x, y), kwargs={"epochs": 9, "verbose": 0, "callbacks": [At(fail)]}
    )
    thread.start()
    thread.join()
    print(model.evaluate(x, y, verbose=0))
elif how == "threads":
    models = [network() for _ in range(3)]
    threads = [threading.Thread(target=each.fit, args=(x, y), kwargs={"epochs": 3, "verbose": 0}) for each in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("joined")
elif how == "nan":
    x[5, 2] = np.nan
    model.fit(x, y, epochs=3, verbose=0)
    print(model.evaluate(x, y, verbose=0))
