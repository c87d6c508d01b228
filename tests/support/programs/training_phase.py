"""Runs in an environment: does the training-phase evaluation leave the model as it was, and a checkpoint hold it all?

    python training_phase.py WORKER_FOLDER ADAPTER THREADS

Prints one JSON object; no weight, momentum or evaluation may differ before and after. Runs under Python 3.6, too.
"""
# ruff: noqa: E402

import json
import sys

import numpy as np
import worker_package

folder, adapter_name, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
worker_package.load(folder)

from repro_worker.session import make_adapter

request = {
    "seed": 0,
    "threads": threads,
    "device": "cpu",
    "deterministic": False,
    "scenario": {
        "images": {"size": [197, 197], "channels": 1},
        "model": {"application": "ResNet50", "classes": 3},
        "batch_norm": {"momentum": 0.75},
        "compile": {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["acc"]},
    },
}
adapter = make_adapter(adapter_name)
adapter.start(request)
adapter.build(request)

random = np.random.RandomState(1)
# Every weight away from its start, so that putting back the start would show.
adapter.model.set_weights(
    [weight + random.uniform(0.01, 0.02, weight.shape).astype(weight.dtype) for weight in adapter.model.get_weights()]
)
images = random.randint(0, 256, (3, 197, 197, 1)).astype(np.uint8)
labels = np.eye(3)


def look():
    """Everything that the evaluation must not touch."""
    return (
        [np.array(weight) for weight in adapter.model.get_weights()],
        [float(layer.momentum) for layer in adapter.batch_norm_layers()],
        [np.array(part) for pair in adapter.moving_statistics() for part in pair],
    )


weights, momenta, moving = look()
loss, accuracy, call, statistics = adapter.training_phase(images, labels, 32)
weights_after, momenta_after, moving_after = look()
again = adapter.training_phase(images, labels, 32)

# Statistics that suit the weights, so that no probability is saturated.
adapter.set_moving_statistics(statistics)
both = [adapter.evaluate_and_predict(images, labels, 32) for _ in range(2)]
adapter.model.test_function = None
literal = adapter.evaluate(images, labels, 32)[:2], np.array(adapter.predict(images, 32)[0])

at_checkpoint = look()[0]
kept = [(name, np.array(array)) for name, array in adapter.state()]
adapter.model.set_weights([weight * 0 for weight in weights])
adapter.restore(dict(kept))
restored = list(adapter.state())
print(
    json.dumps(
        {
            "call": call,
            "weights_equal": all(np.array_equal(a, b) for a, b in zip(weights, weights_after)),
            "moving_equal": all(np.array_equal(a, b) for a, b in zip(moving, moving_after)),
            "momenta": sorted(set(momenta)),
            "momenta_equal": momenta == momenta_after,
            "same_answer_again": loss == again[0] and accuracy == again[1],
            "literal_evaluate": literal[0],
            "literal_predict": literal[1].tolist(),
            "evaluate_equal": all(evaluated[:2] == literal[0] for evaluated, _ in both),
            "predict_equal": all(np.array_equal(predicted[0], literal[1]) for _, predicted in both),
            "state": len(kept),
            "state_restored": [a[0] for a in kept] == [b[0] for b in restored]
            and all(np.array_equal(a[1], b[1]) for a, b in zip(kept, restored)),
            "weights_restored": all(np.array_equal(a, b) for a, b in zip(at_checkpoint, look()[0])),
            "layers": len(statistics),
            "first_mean_error": float(np.max(np.abs(statistics[0][0] - again[3][0][0]))),
            "differs_from_moving": all(
                not np.array_equal(now, batch) for now, pair in zip(moving[::2], statistics) for batch in pair[:1]
            ),
        }
    )
)
