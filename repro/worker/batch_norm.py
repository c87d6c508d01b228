"""How far moving statistics stand from batch statistics."""

import numpy as np

# How a layer moves its statistics; `weighted` is Keras 3's rule, `difference` that of TensorFlow 1 and tf.keras.
WEIGHTED, DIFFERENCE = "weighted", "difference"

# Of an epoch's batches at most so many are looked at for their spread.
MOST_BATCHES = 60

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


def is_same(left, right):
    """Whether two (mean, variance) pairs hold the same bits."""
    return all(np.array_equal(a, b) for a, b in zip(left, right))


def mean_over_calls(calls):
    """(mean, variance) over the calls of a layer, each such a pair: where its averages tend to."""
    if len(calls) == 1:
        return tuple(calls[0])
    return tuple(np.mean(np.stack(values), 0, dtype=np.float64).astype(np.float32) for values in zip(*calls))


def calls_apart(calls):
    """How far the inputs of a layer's calls lie apart; None where it is called once.

    Largest difference of the calls' means over the root of their mean variance: root mean square over the channels.
    """
    if len(calls) < 2:
        return None
    means, variances = (np.stack(values).astype(np.float64) for values in zip(*calls))
    shift = (means.max(0) - means.min(0)) / np.sqrt(np.maximum(variances.mean(0), 1e-12))
    return float(np.sqrt(np.mean(shift**2)))


def completed(batch, moving):
    """Batch statistics with a layer's moving ones where it has no batch (None); lists of (mean, variance)."""
    return [own if pair is None else pair for pair, own in zip(batch, moving)]


def median_distance(layers):
    """Median of every layer's mean and variance distance; None without layers."""
    values = [layer[key] for layer in layers for key in ("mean", "variance") if layer[key] is not None]
    return float(np.median(values)) if values else None


def spread(names, batches):
    """How statistics differ from batch to batch; `batches` has for each batch (mean, variance) of every layer.

    See the event `batch_norm_measured` for the two figures.
    """
    spreads, ratios = [], []
    for layer in range(len(names)):
        means = np.stack([pairs[layer][0] for pairs in batches]).astype(np.float64)
        variances = np.stack([pairs[layer][1] for pairs in batches]).astype(np.float64)
        within = np.sqrt(np.maximum(variances.mean(0), 1e-12))
        spreads.append(float(np.median(means.std(0) / within)))
        of_batch = variances.mean(1)
        ratios.append(float(of_batch.max() / max(np.median(of_batch), 1e-12)))
    worst = int(np.argmax(ratios))
    return {
        "count": len(batches),
        "mean_spread": float(np.median(spreads)),
        "largest_variance": ratios[worst],
        "layer": names[worst],
    }


def initial_vector(channels):
    """Statistics at the start, (2 * sum(channels),) float32: for each layer mean (channels), then variance."""
    parts = []
    for count in channels:
        parts += [np.full(count, INITIAL_MEAN, np.float32), np.full(count, INITIAL_VARIANCE, np.float32)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def flatten(pairs):
    """(mean, variance) pairs as one vector in that layout."""
    return np.concatenate([np.concatenate(pair) for pair in pairs]).astype(np.float32)


def unflatten(vector, channels):
    """The vector as (mean, variance) pairs."""
    pairs, start = [], 0
    for count in channels:
        pairs.append((vector[start : start + count], vector[start + count : start + 2 * count]))
        start += 2 * count
    return pairs


def update(moving, batch, momentum, rule=WEIGHTED):
    """One update of moving statistics, in float32 as the layer does it; `momentum`: a number, or one `per_value`."""
    if rule == WEIGHTED:
        return moving * np.float32(momentum) + batch * np.float32(1.0 - momentum)
    return moving - (moving - batch) * np.float32(1.0 - momentum)


def per_value(of_layers, channels):
    """A number of each layer for each value of the vector; just the number where it is the same in all layers."""
    if len(set(of_layers)) == 1:
        return of_layers[0]
    return np.repeat(np.asarray(of_layers, np.float64), [2 * count for count in channels])


def replay(batches, channels, momentum, rule=WEIGHTED):
    """Moving statistics after the updates `batches`, (steps, 2 * sum(channels)) float32, from the initial values."""
    moving = initial_vector(channels)
    for batch in batches:
        moving = update(moving, batch, momentum, rule)
    return moving


def debias(moving, channels, momentum, updates):
    """Moving statistics without what is left of the initial values: (moving - m**n * initial) / (1 - m**n)."""
    left = momentum**updates
    left = np.where(left == 1.0, 0.0, left)  # where nothing was averaged yet the initial values are all there is
    unbiased = (moving.astype(np.float64) - left * initial_vector(channels).astype(np.float64)) / (1.0 - left)
    return unbiased.astype(np.float32)
