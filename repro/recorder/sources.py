"""Data on its way into Keras: looked at as it passes, never asked for twice.

Arrays are looked at by slices. A tf.data pipeline gets a `map` that only looks, a PyDataset or Sequence is wrapped in
an object that delegates to it, a generator in a generator.
"""

import hashlib
import random
import time
import types
import weakref

import numpy as np

from repro_recorder import facts, limits, values

CHOICE_SEED = 20171107


class Source:
    """The data of one call: x, y and sample weights, with what is known of them."""

    def __init__(
        self, lens, x, y=None, weights=None, batch_size=None, shuffled=True, budget=None, kind=None, processes=False
    ):
        self.lens = lens
        self.original = x
        self.identity = id(x)
        self.processes = processes  # whether other processes make the batches
        self.batch_size = batch_size
        self.budget = budget
        self.class_name = type(x).__name__
        self.kind = kind or kind_of(lens, x)
        self.rows = None
        self.looked = 0
        self.batches = 0
        self.limits = []
        self.samples = Samples()
        self.passes = []  # each a list of (index or None, row hashes)
        self.sizes = {}
        self.digest = hashlib.sha256()
        self.figures = None
        self.complete = False
        self.skipped = 0  # batches that were not looked at
        self.is_looking = True
        if self.kind == "batch":
            self.class_name, self.passed_on = "batch", x
        elif self.kind in ("arrays", "dataframe", "tensors"):
            self._try(self._look_at_arrays, x, y, weights, shuffled)
            self.passed_on = x
        else:
            watched = self._try(self._watched, x)
            self.passed_on = x if watched is None else watched

    def _try(self, function, *arguments):
        """Call a function that looks at data; what cannot be looked at is a limit: Keras may take it all the same."""
        try:
            with values.quiet():
                return function(*arguments)
        except Exception as error:
            self.is_looking = False
            self.limits.append("the data could not be looked at ({})".format(values.fault(error, 200)))
            return None

    # Arrays.

    def _look_at_arrays(self, x, y, weights, shuffled):
        names = getattr(x, "columns", None)
        structures = [as_arrays(part) for part in (x, y, weights)]
        pairs = [values.leaves(part) for part in structures]
        if not pairs[0]:
            return
        flat = [pair for part in pairs for pair in part]
        if any(not getattr(array, "shape", None) for _, array in flat):
            self.limits.append("inputs and targets are not all arrays of rows")
            return
        lengths = {len(array) for _, array in flat}
        if len(lengths) > 1:
            self.limits.append("inputs and targets are not of one length: {}".format(sorted(lengths)))
            return
        self.rows = lengths.pop()
        self._prepare(pairs, None if names is None else [str(name) for name in names])
        row_bytes = max(1, sum(row_bytes_of(array) for _, array in flat))
        order = facts.blocks_of(self.rows, row_bytes)
        deadline = time.monotonic() + limits.FACTS_SECONDS
        figures = [each for part in self.figures for each in part]
        self.looked = facts.looked_at(flat, figures, self.rows, order, deadline)
        self.complete = self.looked >= self.rows
        if not self.complete:
            seconds = limits.FACTS_SECONDS
            self.limits.append("{} of {} rows were looked at ({} s)".format(self.looked, self.rows, seconds))
        on_disk = any(not isinstance(array, np.ndarray) or isinstance(array, np.memmap) for _, array in flat)
        chosen = chosen_rows(self.rows, shuffled, row_bytes)
        chosen = slice(0, len(chosen)) if on_disk else chosen
        self.samples.take([values.map_arrays(lambda array: np.asarray(array[chosen]), part) for part in structures])
        first = min(self.rows, limits.SAMPLES)
        hashes = values.row_hashes(structures[0], first)
        self.passes.append([(0, hashes)])
        self.digest.update(hashes.tobytes())
        if self.complete and row_bytes * self.rows <= limits.SAMPLE_BYTES:
            for _, array in flat:
                self.digest.update(np.ascontiguousarray(array[:]).tobytes() if array.dtype != object else b"objects")
        if self.batch_size:
            self.batches = -(-self.rows // self.batch_size)

    def _prepare(self, pairs, column_names=None):
        if self.figures is None:
            self.figures = [
                [facts.ArrayFacts(name or default, default == "y", column_names) for name, _ in part]
                for part, default in zip(pairs, ("x", "y", "sample_weight"))
            ]

    # Data that passes by.

    def _watched(self, x):
        if self.kind == "tf.data":
            return self.lens.watched_dataset(x, self.look)
        if self.kind == "sequence":
            if self.processes or getattr(x, "use_multiprocessing", False):
                self.limits.append("its batches are made in other processes: they were not seen")
                return x
            return self.lens.watched_sequence(x, self.look)
        if self.kind == "generator":
            if self.processes:
                self.limits.append("its batches are made in other processes: they were not seen")
                return x
            return watched_generator(x, self.look)
        self.limits.append("data of this kind ({}) cannot be looked at".format(self.class_name))
        return x

    def begin_pass(self):
        """Begin another pass over data that has no index: an epoch begins."""
        if self.kind in ("tf.data", "generator") and (not self.passes or self.passes[-1]):
            self.passes.append([])

    def look(self, batch, index=None):
        """Look at a batch, (x,), (x, y) or (x, y, weights), that passes by on its way."""
        if not self.is_looking or (self.budget is not None and self.samples.full and not self.budget.open()):
            self.batches += 1
            self.skipped += 1
            return
        started = time.perf_counter()
        self._try(self._look, batch, index)
        if self.budget is not None:
            self.budget.spend(time.perf_counter() - started)

    def _look(self, batch, index):
        parts = list(batch) if isinstance(batch, (tuple, list)) else [batch]
        parts = [as_arrays(part) for part in (parts + [None, None])[:3]]
        pairs = [values.leaves(part) for part in parts]
        if not pairs[0]:
            return
        rows = min(len(array) for _, array in pairs[0])
        self._prepare(pairs)
        for part, figures in zip(pairs, self.figures):
            for (_, array), each in zip(part, figures):
                each.add(array)
        self.looked += rows
        self.batches += 1
        self.sizes[rows] = self.sizes.get(rows, 0) + 1
        if not self.samples.full:
            self.samples.take(parts)
        if index is not None and (not self.passes or any(index == number for number, _ in self.passes[-1])):
            self.passes.append([])
        if not self.passes:
            self.passes.append([])
        current = self.passes[-1]
        missing = limits.SAMPLES - sum(len(hashes) for _, hashes in current)
        if missing > 0 and len(self.passes) <= limits.SAMPLES:
            current.append((index, values.row_hashes(parts[0], missing)))
            self.digest.update(current[-1][1].tobytes())
        if len(self.passes) > 64:  # the first ones and the last say whether the order changes
            del self.passes[2]

    def release(self):
        """Let go of the data, which the call has used: the program may need the memory."""
        self.original = self.passed_on = None

    # What is known.

    def runs_on(self):
        """Return whether a thread may go on to draw from this data after the call."""
        return self.kind == "generator" or (self.kind == "tf.data" and len(self.passes) < 2)

    def usual_batch_size(self):
        """Return the size that most batches had, or the one that was asked for; None where neither is known."""
        if self.sizes:
            return max(self.sizes.items(), key=lambda pair: pair[1])[0]
        return self.batch_size

    def ordered_passes(self):
        """Return the row hashes of each whole pass, (rows,) uint64, in the order in which the rows stand."""
        joined = []
        for parts in self.passes:
            if parts and parts[0][0] is not None:
                parts = sorted(parts, key=lambda part: part[0])
            joined.append(np.concatenate([hashes for _, hashes in parts]) if parts else np.zeros(0, np.uint64))
        longest = max([len(rows) for rows in joined] or [0])
        return [rows for rows in joined if longest and len(rows) == longest]

    def shuffled(self):
        """Return whether two passes had another order; None with fewer than two whole passes."""
        passes = self.ordered_passes()
        if len(passes) < 2 or self.kind not in ("tf.data", "sequence"):
            return None
        return any(not np.array_equal(passes[0], rows) for rows in passes[1:])

    def report(self):
        """Return DATA as the format describes it."""
        figures = [[each.report() for each in part] for part in self.figures or [[], [], []]]
        passes, passes_by = self.ordered_passes(), self.kind in ("tf.data", "sequence", "generator")
        return {
            "kind": self.kind,
            "source": self.class_name,
            "source_id": self.identity,
            "rows": self.rows,
            "looked": self.looked,
            "batches": self.batches,
            "batch_size": self.usual_batch_size(),
            "complete": self.complete or (passes_by and self.looked > 0 and not self.skipped and not self.limits),
            "sha256": self.digest.hexdigest() if self.looked else None,
            "inputs": figures[0],
            "targets": figures[1],
            "sample_weights": figures[2][0] if figures[2] else None,
            "passes": [
                {"rows": len(rows), "sha256": hashlib.sha256(rows.tobytes()).hexdigest()} for rows in passes[:16]
            ],
            "shuffled": self.shuffled(),
            "limits": list(self.limits) + list(self.samples.limits),
        }


def watched_generator(inner, look):
    """Return what gives the batches of `inner`, each when it is asked for, and shows them to `look`.

    A generator for a generator, else an iterator: one that takes a lock may be asked by several threads at once.
    """
    if not isinstance(inner, types.GeneratorType):
        return _WatchedIterator(inner, look)

    def passing():
        while True:
            try:
                batch = next(inner)
            except StopIteration:
                return
            look(batch)
            yield batch

    return passing()


class _WatchedIterator:
    def __init__(self, inner, look):
        self._inner, self._look = inner, look

    def __iter__(self):
        return self

    def __next__(self):
        batch = next(self._inner)
        self._look(batch)
        return batch

    next = __next__  # as Keras 2 looks for it

    def __getattr__(self, name):
        return getattr(self._inner, name)


class Samples:
    """At most 512 samples that passed by, as (x, y, weights) of arrays in dicts and lists."""

    def __init__(self):
        self.parts = []
        self.count = 0
        self.bytes = 0
        self.full = False
        self.limits = []

    def take(self, parts):
        """Keep copies of the rows of (x, y, weights) that still fit in."""
        arrays = [array for part in parts for _, array in values.leaves(part)]
        if not arrays or any(array.dtype == object for array in arrays):
            self.full = True
            return
        rows = min(len(array) for array in arrays)
        row_bytes = max(1, sum(array.nbytes // max(1, len(array)) for array in arrays))
        fitting = min(rows, limits.SAMPLES - self.count, int((limits.SAMPLE_BYTES - self.bytes) // row_bytes))
        if fitting < min(rows, limits.SAMPLES - self.count):
            self.limits.append("{} samples were kept ({} MiB)".format(self.count + fitting, limits.SAMPLE_BYTES >> 20))
        if fitting > 0:
            self.parts.append([values.map_arrays(lambda array: np.array(array[:fitting]), part) for part in parts])
            self.count += fitting
            self.bytes += fitting * row_bytes
        self.full = self.full or fitting < rows or self.count >= limits.SAMPLES

    def joined(self):
        """Return (x, y, weights), each as one structure of arrays or None; None where nothing was kept."""
        if not self.parts:
            return None
        try:
            whole = [join([parts[index] for parts in self.parts]) for index in range(3)]
        except ValueError:  # sequences of several lengths: those of the first batch
            whole = self.parts[0]
        self.parts = [whole]
        self.count = len(values.leaves(whole[0])[0][1])
        return tuple(whole)


def join(structures):
    """Join structures of arrays along the first axis."""
    first = structures[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: join([structure[key] for structure in structures]) for key in first}
    if isinstance(first, list):
        return [join([structure[index] for structure in structures]) for index in range(len(first))]
    return np.concatenate(structures) if len(structures) > 1 else first


def take_rows(structure, rows):
    """Return the rows, a slice or indices, of a structure of arrays."""
    return values.map_arrays(lambda array: array[rows], structure)


def reference_to(x):
    """Return what `is_reference_to` tells the same object by, without keeping it alive where Python allows that."""
    try:
        return weakref.ref(x)
    except TypeError:
        number = id(x)
        return lambda: number


def is_reference_to(reference, x):
    """Return whether `reference` was made of `x` itself."""
    held = reference()
    return held is x or (type(held) is int and held == id(x))


def row_bytes_of(array):
    """Return the bytes of one row."""
    return int(np.prod(array.shape[1:], dtype=np.int64)) * np.dtype(array.dtype).itemsize


def chosen_rows(rows, shuffled, row_bytes):
    """Return which rows are kept: of data that is shuffled a random choice, else the first ones."""
    most = max(1, min(rows, limits.SAMPLES, limits.SAMPLE_BYTES // max(1, row_bytes)))
    if not shuffled:
        return np.arange(most)
    return np.array(random.Random(CHOICE_SEED).sample(range(rows), most))  # a permutation would be as long as the data


def as_arrays(structure):
    """Return a structure with numpy arrays, or what slices like them, for its leaves."""
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {key: as_arrays(item) for key, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        if structure and all(np.isscalar(item) for item in structure):
            return np.asarray(structure)
        return [as_arrays(item) for item in structure]
    if isinstance(structure, np.ndarray):
        return structure
    if hasattr(structure, "iloc") and hasattr(structure, "values"):
        return np.asarray(structure.values)
    if hasattr(structure, "_numpy"):
        return np.asarray(structure._numpy())  # an eager tensor's own memory
    if hasattr(structure, "numpy"):
        return np.asarray(structure.numpy())
    if all(hasattr(structure, name) for name in ("shape", "dtype", "__getitem__", "__len__")):
        return structure  # on disk: read by slices only
    return np.asarray(structure)


def kind_of(lens, x):
    """Return the kind of data: arrays, tensors, dataframe, tf.data, sequence, generator or unknown."""
    if lens.is_sequence(x):
        return "sequence"
    if lens.is_dataset(x):
        return "tf.data"
    if hasattr(x, "iloc") and hasattr(x, "columns"):
        return "dataframe"
    parts = [leaf for _, leaf in values.leaves(x)]
    if parts and all(isinstance(part, np.ndarray) or np.isscalar(part) or hasattr(part, "iloc") for part in parts):
        return "arrays"
    if parts and all(hasattr(part, "numpy") and hasattr(part, "shape") for part in parts):
        return "tensors"
    if lens.is_generator(x):
        return "generator"
    sliceable = ("shape", "dtype", "__getitem__", "__len__")
    if parts and all(hasattr(part, name) for part in parts for name in sliceable):
        return "arrays"  # memory-mapped and HDF5 arrays: read by slices only
    return "unknown"
