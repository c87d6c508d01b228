"""The part of `repro record` that works inside somebody else's training process.

Python 3.6, the standard library, numpy, and the Keras that is there. The modules import each other as
`repro_recorder.NAME`: they travel as a package of that name or as one file (see `single_file`).
"""


def watch():
    """Record every model that is trained from now on in this process."""
    from repro_recorder import by_hand

    by_hand.watch()


def Recorder():  # noqa: N802
    """Return a callback for `fit`; only models that are trained with one are recorded."""
    from repro_recorder import by_hand

    return by_hand.recorder()


def recording(model, x, y=None, sample_weight=None, batch_size=None):
    """Return a context in which a loop of one's own trains `model`; `x`, `y`: what it is trained on."""
    from repro_recorder import by_hand

    return by_hand.recording(model, x, y, sample_weight, batch_size)
