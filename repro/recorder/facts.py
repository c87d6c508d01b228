"""Facts about data, gathered block by block: ranges, means, NaN, constant columns, labels; never the values."""

import collections
import time

import numpy as np

from repro_recorder import limits, values


class ArrayFacts:
    """Figures of one input or target, over all rows that were shown to it.

    Arrays are (rows, ...). Columns are the last axis of arrays with two axes or more; an array of one axis is one.
    """

    def __init__(self, name, target=False, column_names=None):
        self.name = name
        self.shape = self.dtype = None
        self.rows = 0
        self.count = self.minimum = self.maximum = self.mean = self.squares = self.nan = None
        self.infinite = 0
        self.first_bad_row = None
        self.integers = True
        self.text = False
        self.column_names = None if target else column_names
        self.labels = Labels() if target else None

    def add(self, array):
        """Take the rows of an array into the figures."""
        array = np.asarray(array)
        rows = array.shape[0] if array.ndim else 0
        if not rows:
            return
        if self.shape is None:
            self.shape, self.dtype = tuple(array.shape[1:]), str(array.dtype)
        if self.labels is not None:
            self.labels.add(array)
        if array.dtype.kind not in "fiub":
            self.text = True
            self.rows += rows
            return
        row_bytes = max(1, array.nbytes // rows)
        step = max(1, limits.FACTS_BLOCK_BYTES // row_bytes)
        for start in range(0, rows, step):
            self._add_block(array[start : start + step])

    def _add_block(self, block):
        rows = block.shape[0]
        columns = block.shape[-1] if block.ndim > 1 else 1
        wide = columns > limits.COLUMNS
        table = block.reshape(-1, columns).astype(np.float64)
        finite = np.isfinite(table)
        if not finite.all():
            bad = np.flatnonzero(~finite.reshape(rows, -1).all(1))
            if self.first_bad_row is None:
                self.first_bad_row = self.rows + int(bad[0])
            self.infinite += int(np.isinf(table).sum())
        self.rows += rows
        if self.integers:
            self.integers = block.dtype.kind in "iub" or bool((np.floor(table) == table)[finite].all())
        figures = _column_figures(table, finite)
        if self.count is None or wide != (len(self.count) > limits.COLUMNS) or len(self.count) != columns:
            if self.count is not None:
                return  # rows of another width: the figures stay those of the first
            self.count, self.minimum, self.maximum, self.mean, self.squares, self.nan = figures
            return
        count, minimum, maximum, mean, squares, nan = figures
        total = np.maximum(self.count + count, 1)
        change = mean - self.mean
        self.squares += squares + change**2 * self.count * count / total
        self.mean += change * count / total
        self.minimum, self.maximum = np.minimum(self.minimum, minimum), np.maximum(self.maximum, maximum)
        self.nan += nan
        self.count = self.count + count

    def report(self):
        """Return FACTS as the format describes them."""
        facts = {"name": self.name, "shape": self.shape, "dtype": self.dtype, "first_bad_row": self.first_bad_row}
        facts.update(dict.fromkeys(("minimum", "maximum", "mean", "deviation", "nan", "constant_columns")))
        facts.update(infinite=self.infinite, integers=self.integers and not self.text, columns=[])
        if self.labels is not None and self.rows:
            facts["labels"] = self.labels.report()
        if self.count is None:
            return facts
        total = float(self.count.sum())
        facts["nan"] = int(self.nan.sum())
        if total:
            mean = float((self.mean * self.count).sum() / total)
            squares = float((self.squares + self.count * (self.mean - mean) ** 2).sum())
            facts.update(
                minimum=float(self.minimum.min()),
                maximum=float(self.maximum.max()),
                mean=mean,
                deviation=float(np.sqrt(squares / total)),
            )
        facts["constant_columns"] = int((self.minimum == self.maximum).sum())
        facts["columns"] = [self._column(index) for index in range(min(len(self.count), limits.COLUMNS))]
        return facts

    def _column(self, index):
        count = float(self.count[index])
        name = self.column_names[index] if self.column_names and index < len(self.column_names) else None
        return {
            "name": None if name is None else values.text(name, 100),
            "minimum": float(self.minimum[index]),
            "maximum": float(self.maximum[index]),
            "mean": float(self.mean[index]),
            "deviation": float(np.sqrt(self.squares[index] / count)) if count else None,
            "nan": int(self.nan[index]),
        }


def _column_figures(table, finite):
    """Return count, minimum, maximum, mean, sum of squares about the mean and NaN count of each column."""
    if finite.all():
        mean = table.mean(0)
        count = np.full(table.shape[1], table.shape[0], np.int64)
        nan = np.zeros(table.shape[1], np.int64)
        return count, table.min(0), table.max(0), mean, ((table - mean) ** 2).sum(0), nan
    count = finite.sum(0)
    kept = np.where(finite, table, 0.0)
    mean = kept.sum(0) / np.maximum(count, 1)
    squares = np.where(finite, (table - mean) ** 2, 0.0).sum(0)
    minimum, maximum = np.where(finite, table, np.inf).min(0), np.where(finite, table, -np.inf).max(0)
    return count, minimum, maximum, mean, squares, np.isnan(table).sum(0)


class Labels:
    """Which labels a target holds, and of what kind they are."""

    def __init__(self):
        self.counts = collections.Counter()
        self.kind = None
        self.shape = None

    def add(self, array):
        """Count the labels of (rows,), (rows, 1) or (rows, classes)."""
        kind = label_kind(array)
        self.shape = tuple(array.shape[1:])
        if self.kind not in (None, kind):
            kind = _wider(self.kind, kind)
        self.kind = kind
        classes = class_of_rows(array, kind)
        if classes is None or len(self.counts) > limits.CLASSES:
            return
        names, numbers = np.unique(classes, return_counts=True)
        for name, number in zip(names.tolist(), numbers.tolist()):
            self.counts[name] += number

    def report(self):
        """Return LABEL_FACTS as the format describes them."""
        pairs = sorted(self.counts.items(), key=lambda pair: str(pair[0]).zfill(12))[: limits.CLASSES]
        counts = {values.text(name, 100): number for name, number in pairs}
        return {"kind": self.kind, "classes": len(self.counts) or None, "counts": counts, "shape": self.shape}


KINDS = ("binary", "integers", "one-hot", "multi-hot", "soft", "real", "text")


def _wider(kind, another):
    if {kind, another} <= {"one-hot", "multi-hot"}:
        return "multi-hot"
    return max(kind, another, key=KINDS.index)


def label_kind(array):
    """Return binary, integers, one-hot, multi-hot, soft (rows of shares), real or text."""
    if array.dtype.kind not in "fiub":
        return "text"
    if array.ndim > 1 and array.shape[-1] > 1:
        sums = array.sum(-1)
        if ((array == 0) | (array == 1)).all():
            return "one-hot" if (sums == 1).all() else "multi-hot"
        if array.min() >= 0 and np.allclose(sums, 1.0, atol=1e-3):
            return "soft"
        return "integers" if array.dtype.kind in "iu" else "real"
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (np.floor(array) == array).all()):
        return "real"
    if array.dtype.kind == "b" or ((array == 0) | (array == 1)).all():
        return "binary"
    return "integers" if array.min() >= 0 else "real"


def class_of_rows(array, kind):
    """Return the class of each label, flattened; None where labels are no classes."""
    if kind in ("one-hot", "soft"):
        return array.argmax(-1).reshape(-1)
    if kind in ("binary", "integers", "text"):
        flat = array.reshape(-1)
        return flat.astype(str) if kind == "text" else flat.astype(np.int64)
    return None


def looked_at(pairs, facts, rows, order, deadline):
    """Show rows of arrays to their facts until the deadline; return how many rows were shown.

    `pairs`: (name, array) with `rows` rows each; `order`: the blocks of rows to look at, as slices.
    """
    shown = 0
    for block in order:
        if shown and time.monotonic() > deadline:
            break
        for (_, array), figures in zip(pairs, facts):
            figures.add(np.asarray(array[block]))
        shown += min(block.stop, rows) - block.start
    return shown


def blocks_of(rows, row_bytes):
    """Return slices that cover all rows, spread so that the first ones already come from everywhere."""
    size = max(1, min(rows, limits.FACTS_BLOCK_BYTES // max(1, row_bytes)))
    count = -(-rows // size)
    slices = [slice(index * size, min(rows, index * size + size)) for index in range(count)]
    stride = max(1, int(count**0.5))
    return [slices[index] for first in range(stride) for index in range(first, count, stride)]
