"""Runs in an environment: is a variant the network that was asked for, with the same start?

    python variants.py WORKER_FOLDER ADAPTER THREADS SETTINGS...      each of SETTINGS a JSON object for `batch_norm`

Prints one JSON object, for each of SETTINGS in order what became of the network. Runs under Python 3.6, too.
"""
# ruff: noqa: E402

import json
import random
import sys

import numpy as np
import worker_package

folder, adapter_name, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
worker_package.load(folder)

from repro_worker.session import make_adapter

adapter = make_adapter(adapter_name)


def build(norm):
    """The network, built as a run builds it; with the state of the generators that `fit` shuffles with."""
    request = {
        "seed": 0,
        "threads": threads,
        "device": "cpu",
        "deterministic": False,
        "scenario": {
            "images": {"size": [32, 32], "channels": 1},
            "model": {"application": "MobileNet", "classes": 3},
            "batch_norm": norm,
            "compile": {
                "optimizer": "adam",
                "loss": "categorical_crossentropy",
                "metrics": ["acc"],
                "learning_rate": 0.25,
            },
        },
    }
    if adapter.model is None:
        adapter.start(request)
    else:
        adapter.seed(0)
    adapter.build(request)
    return adapter.model, (random.getstate(), np.random.get_state()[1].tolist())


plain, plain_state = build(None)
places = [layer.name for layer in adapter.batch_norm_layers()]
found = []
for text in sys.argv[4:]:
    model, state = build(json.loads(text))
    others = [(a, b) for a, b in zip(plain.layers, model.layers) if a.name not in places]
    there = [model.get_layer(name) for name in places]
    images = np.random.RandomState(1).uniform(0, 1, (2, 32, 32, 1)).astype(np.float32)
    loss, _, _, statistics = adapter.training_phase(images, np.eye(3)[:2], 2)
    found.append(
        {
            "classes": sorted({type(layer).__name__ for layer in there}),
            "renorm": sum(bool(getattr(layer, "renorm", False)) for layer in there),
            "synchronized": sum(bool(getattr(layer, "synchronized", False)) for layer in there),
            "frozen": sum(not layer.trainable for layer in there),
            "same_start": all(
                np.array_equal(x, y) for a, b in others for x, y in zip(a.get_weights(), b.get_weights())
            ),
            "same_generators": state == plain_state,
            "learning_rate": float(np.array(model.optimizer.learning_rate)),
            "moving": len(adapter.batch_norm_layers()),
            "statistics": len(statistics),
            "finite": bool(np.isfinite(loss)),
        }
    )
print(json.dumps({"layers": len(places), "found": found}))
