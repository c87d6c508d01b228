"""Writes a scenario as a script of plain Keras, to paste into a report. The script needs nothing of ours.

Without an argument it draws its own images (any plainly different ones do); with the bundle's `arrays/images.npy` it
trains on the run's very pixels.
"""

from __future__ import annotations

from repro.base.errors import InputError
from repro.environment import definition
from repro.runs.records import RunRecord
from repro.scenario.types import BatchNorm, Scenario

_IMAGES = """\
H, W, C, N = {height}, {width}, {channels}, {classes}
if sys.argv[1:]:  # images.npy of the run: uint8 (N, H, W, C)
    x = np.load(sys.argv[1])
else:  # any plainly different images do
    row, column = np.mgrid[:H, :W] / 9.0
    waves = [127 + 120 * np.sin(row * k / N + column * (N - k) / N) for k in range(1, N + 1)]
    x = np.repeat(np.array(waves).astype("uint8")[..., None], C, -1)
{divide}y = np.eye(N)
"""

_TRAIN = """\
model.compile(optimizer="{optimizer}", loss="{loss}", metrics=["{metric}"])
{learning_rate}model.fit(x, y, epochs={epochs}, shuffle={shuffle}, batch_size={batch_size}, verbose={verbose})
print("evaluate", model.evaluate(x, y, batch_size={batch_size}, verbose=0))
print("predict", model.predict(x, batch_size={batch_size}).argmax(1).tolist())
"""

_TF2 = """\
# python reproduce.py [images.npy]
{before}import sys
import numpy as np
import tensorflow as tf
{import_keras}
tf.config.threading.set_intra_op_parallelism_threads({threads})
tf.config.threading.set_inter_op_parallelism_threads(1)
{device}{deterministic}{seeds}
{images}
model = keras.applications.{application}(input_shape=(H, W, C), classes=N, weights=None)
{momentum}{train}# last, since it moves the moving averages: the same weights and images, with batch statistics
p = np.array(model(tf.constant(x, tf.float32), training=True))
print("training phase", p.argmax(1).tolist())
"""

_TF2_MOMENTUM = """\
for layer in model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = {momentum}
"""

_TF1 = """\
# python reproduce.py [images.npy]
import random, sys
import numpy as np
import tensorflow as tf
import keras
from keras import backend as K
K.set_session(tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads={threads}, inter_op_parallelism_threads=1)))
random.seed({seed}); np.random.seed({seed}); tf.set_random_seed({seed})
{images}
model = keras.applications.{application}(input_shape=(H, W, C), classes=N, weights=None)
{momentum}{train}if hasattr(model, "reset_metrics"):
    model.reset_metrics()  # Keras 2.3 counts on from evaluate
model._make_test_function()  # the same weights and images with the learning phase forced to 1
print("training phase", [float(v) for v in model.test_function([x, y, np.ones(len(x)), 1])])
"""

_TF1_MOMENTUM = """\
config = model.get_config()
for layer in config["layers"]:
    if layer["class_name"] == "BatchNormalization":
        layer["config"]["momentum"] = {momentum}
initial = model.get_weights()
model = type(model).from_config(config)
model.set_weights(initial)
"""


_WITHOUT_SCRIPT = ("trainable", "synchronized", "renorm", "replace_by", "statistics")


def inexpressible_setting(scenario: Scenario) -> str | None:
    """Return the setting that the script cannot express; without it the script would mislead. None: it has them all."""
    norm = scenario.batch_norm
    if norm is None:
        return None
    plain = BatchNorm()
    changed = (key for key in _WITHOUT_SCRIPT if getattr(norm, key) != getattr(plain, key))
    return next((f"batch_norm.{key}" for key in changed), None)


def script_of(record: RunRecord, scenario: Scenario) -> str:
    """Return the script that does what a run did; InputError if no script can express it."""
    obstacle = None
    if scenario.images.layout != "file-per-class":
        obstacle = "trained on folders of images"
    elif scenario.model.python is not None:
        obstacle = "trained a model of its own"
    if obstacle is not None:
        raise InputError(
            f"the run {record.id} {obstacle}, which no standalone script can hold",
            do="attach the bundle instead: repro export",
        )
    return script(
        scenario,
        definition.get(record.environment).definition.adapter,
        seed=record.seed,
        threads=record.threads,
        device=record.device,
        deterministic=record.deterministic,
    )


def script(
    scenario: Scenario, adapter: str, *, seed: int, threads: int, device: str = "auto", deterministic: bool = False
) -> str:
    """Return the whole script for one generation of Keras ("keras-2", "tf-keras" or "keras-3").

    InputError for a scenario with a setting that it cannot express.
    """
    missing = inexpressible_setting(scenario)
    if missing is not None:
        raise InputError(
            f"{scenario.name} sets {missing}, which no plain script says yet", do="attach the bundle: repro export"
        )
    height, width = scenario.images.size
    # verbose=2 prints a line an epoch, too much for a thousand
    train = _TRAIN.format(
        optimizer=scenario.compile.optimizer,
        loss=scenario.compile.loss,
        metric=scenario.compile.metrics[0],
        epochs=scenario.fit.epochs,
        shuffle=scenario.fit.shuffle,
        batch_size=scenario.fit.batch_size,
        verbose=2 if scenario.fit.epochs <= 50 else 0,
        learning_rate=_learning_rate(scenario, adapter),
    )
    divide_by = scenario.images.divide_by
    images = _IMAGES.format(
        height=height,
        width=width,
        channels=scenario.images.channels,
        classes=scenario.model.classes,
        divide="" if divide_by is None else f'x = x.astype("float32") / np.float32({divide_by})\n',
    )
    momentum = None if scenario.batch_norm is None else scenario.batch_norm.momentum
    common = {
        "threads": threads,
        "seed": seed,
        "images": images,
        "application": scenario.model.application,
        "train": train,
    }
    if adapter == "keras-2":
        # 0.99 is what ResNet50's layers have; rebuilding for it would only lengthen the script
        has_it = momentum is None or (momentum == 0.99 and scenario.model.application == "ResNet50")
        change = "" if has_it else _TF1_MOMENTUM.format(momentum=momentum)
        return _TF1.format(momentum=change, **common)
    legacy = adapter == "tf-keras"
    return _TF2.format(
        before='import os\nos.environ["TF_USE_LEGACY_KERAS"] = "1"\n' if legacy else "",
        import_keras="import random\nkeras = tf.keras" if legacy else "import keras",
        device="tf.config.set_visible_devices([], 'GPU')\n" if device == "cpu" else "",
        deterministic="tf.config.experimental.enable_op_determinism()\n" if deterministic else "",
        seeds=f"random.seed({seed}); np.random.seed({seed}); tf.random.set_seed({seed})"
        if legacy
        else f"keras.utils.set_random_seed({seed})",
        momentum="" if momentum is None else _TF2_MOMENTUM.format(momentum=momentum),
        **common,
    )


def _learning_rate(scenario: Scenario, adapter: str) -> str:
    rate = scenario.compile.learning_rate
    if rate is None:
        return ""
    return (
        f"K.set_value(model.optimizer.lr, {rate})\n"
        if adapter == "keras-2"
        else (f"model.optimizer.learning_rate = {rate}\n")
    )
