"""Outputs against labels: classes, shares of right answers, the best renaming of classes."""

import numpy as np

from repro_recorder import facts, limits, values

ACCURACY_NAMES = (
    "accuracy",
    "acc",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
    "binary_accuracy",
)


def program_accuracy(metrics):
    """Return the accuracy among a program's metrics; None where it has none."""
    for name in ACCURACY_NAMES:
        if name in metrics:
            return metrics[name]
    return next((value for name, value in metrics.items() if name.endswith(("_accuracy", "_acc"))), None)


def classes_of_labels(y):
    """Return the class of each sample (samples,), int; None where labels are no classes, or several outputs."""
    leaves = values.leaves(y)
    if len(leaves) != 1:
        return None
    array = np.asarray(leaves[0][1])
    if array.dtype.kind not in "fiub" or array.ndim > 2:
        return None
    kind = facts.label_kind(array)
    if kind not in ("one-hot", "soft", "binary", "integers"):
        return None
    classes = facts.class_of_rows(array, kind)
    return classes if len(classes) == len(array) and classes.max(initial=0) < limits.CLASSES else None


def probabilities(outputs, labels):
    """Return scores of classes (samples, classes) whose largest is the answer; None where outputs are no classes.

    One unit between 0 and 1, with labels 0 and 1, becomes two columns.
    """
    if labels is None or len(outputs) != 1:
        return None
    scores = np.asarray(outputs[0])
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2:
        return None
    if scores.shape[1] == 1:
        if labels.max(initial=0) > 1:
            return None
        if scores.min(initial=0.0) < 0.0 or scores.max(initial=0.0) > 1.0:  # the unit gives log-odds
            return np.concatenate([np.zeros_like(scores), scores], 1)
        return np.concatenate([1.0 - scores, scores], 1)
    return scores if labels.max(initial=0) < scores.shape[1] else None


def share_right(scores, labels):
    """Return the share of samples whose class is the label; rows that are not finite are wrong."""
    if scores is None or not len(labels):
        return None
    return float((answers(scores) == labels).mean())


def answers(scores):
    """Return the class of each row, -1 where a row is not finite."""
    finite = np.isfinite(scores).all(1)
    return np.where(finite, np.where(finite[:, None], scores, 0.0).argmax(1), -1)


def best_renaming(scores, labels):
    """Return (to, share): output class i means label to[i], as makes the most samples right; None for one class."""
    classes = scores.shape[1]
    if classes < 2 or classes > 64:
        return None
    counts = np.zeros((classes, classes))
    given = answers(scores)
    np.add.at(counts, (given[given >= 0], labels[given >= 0]), 1)
    to = assignment(-counts)
    return to, float(counts[np.arange(classes), to].sum() / len(labels))


def assignment(cost):
    """Return the column of each row that makes the sum of a square cost matrix least (the Hungarian method)."""
    size = len(cost)
    row_potential, column_potential = np.zeros(size + 1), np.zeros(size + 1)
    row_of = np.zeros(size + 1, int)
    for row in range(1, size + 1):
        row_of[0] = row
        column = 0
        least = np.full(size + 1, np.inf)
        way = np.zeros(size + 1, int)
        used = np.zeros(size + 1, bool)
        while True:
            used[column] = True
            reduced = cost[row_of[column] - 1] - row_potential[row_of[column]] - column_potential[1:]
            better = ~used[1:] & (reduced < least[1:])
            least[1:][better] = reduced[better]
            way[1:][better] = column
            following = 1 + int(np.argmin(np.where(used[1:], np.inf, least[1:])))
            step = least[following]
            row_potential[row_of[used]] += step
            column_potential[used] -= step
            least[1:][~used[1:]] -= step
            column = following
            if row_of[column] == 0:
                break
        while column:
            row_of[column] = row_of[way[column]]
            column = way[column]
    result = np.zeros(size, int)
    result[row_of[1:] - 1] = np.arange(size)
    return result
