"""How far moving statistics stand from batch statistics."""

import numpy as np

INITIAL_MEAN = 0.0
INITIAL_VARIANCE = 1.0


def remaining(moving, batch, initial):
    """||moving - batch|| / ||initial - batch||, without unit.

    1: where the moving statistic started; 0: equal to the batch statistic. With unchanging batch statistics it is
    momentum ** updates, the weight of the initial value. None where the batch statistic is the initial value.
    Shapes: moving, batch (channels,); initial a number.
    """
    start = float(np.linalg.norm(initial - batch.astype(np.float64)))
    if start == 0.0:
        return None
    return float(np.linalg.norm(moving.astype(np.float64) - batch.astype(np.float64))) / start


def layer_drift(name, moving, batch):
    """Drift of one layer; `moving` and `batch` are pairs of mean and variance, each (channels,)."""
    moving_mean, moving_variance = moving
    batch_mean, batch_variance = batch
    return {
        "name": name,
        "channels": int(moving_mean.shape[0]),
        "mean": remaining(moving_mean, batch_mean, INITIAL_MEAN),
        "variance": remaining(moving_variance, batch_variance, INITIAL_VARIANCE),
        "moving_mean": float(np.mean(moving_mean, dtype=np.float64)),
        "batch_mean": float(np.mean(batch_mean, dtype=np.float64)),
        "moving_variance": float(np.mean(moving_variance, dtype=np.float64)),
        "batch_variance": float(np.mean(batch_variance, dtype=np.float64)),
    }


def median_distance(layers):
    """Median of every layer's mean and variance distance; None without layers."""
    values = [layer[key] for layer in layers for key in ("mean", "variance") if layer[key] is not None]
    return float(np.median(values)) if values else None
