"""Values as JSON and as text, nested structures of arrays, hashes."""

import hashlib
import io
import math
import os

import numpy as np


def quiet():
    """Return a context in which numpy neither warns nor raises, whatever the program has set."""
    return np.errstate(all="ignore")


def jsonable(value):
    """Return `value` with numpy's scalars as Python's and numbers that are not finite as "nan", "inf", "-inf"."""
    if isinstance(value, dict):
        return {text(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return text(value.decode("utf-8", "backslashreplace"))
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return jsonable(value.tolist())
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return brief(value)


def text(value, most=1000):
    """Return `value` as text that UTF-8 can hold, at most `most` characters."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")[:most]


def brief(value, most=300):
    """Return one line that names `value`: a function's or class's name, or its text."""
    name = getattr(value, "__name__", None)
    if isinstance(name, str):
        return text(name, most)
    try:
        return " ".join(text(repr(value), most).split())
    except Exception:
        return type(value).__name__


def fault(error, most=300):
    """Return an exception as one line."""
    what = " ".join(text(error).split())
    return (type(error).__name__ + (": " + what if what else ""))[:most]


def map_arrays(function, structure):
    """Return `structure` (dicts, lists and tuples) with `function` applied to each of its leaves; None stays None."""
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {key: map_arrays(function, item) for key, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [map_arrays(function, item) for item in structure]
    return function(structure)


def leaves(structure, name=""):
    """Return the (name, leaf) pairs of a structure of dicts, lists and tuples, in order."""
    if structure is None:
        return []
    if isinstance(structure, dict):
        pairs = structure.items()
    elif isinstance(structure, (list, tuple)):
        pairs = enumerate(structure)
    else:
        return [(name, structure)]
    return [leaf for key, item in pairs for leaf in leaves(item, "{}/{}".format(name, key) if name else str(key))]


def sides(shape):
    """Return a tensor's shape as a list of int, None for an open side."""
    plain = [getattr(side, "value", side) for side in shape]
    return [None if side is None else int(side) for side in plain]


def row_hashes(structure, rows):
    """Return a hash, uint64, of each of the first `rows` rows of the structure's arrays."""
    arrays = [np.ascontiguousarray(array[:rows]) for _, array in leaves(structure)]
    count = min([len(array) for array in arrays] or [0])
    hashes = np.zeros(count, np.uint64)
    for row in range(count):
        digest = hashlib.blake2b(digest_size=8)
        for array in arrays:
            digest.update(row_bytes(array[row]))
        hashes[row] = int.from_bytes(digest.digest(), "little")
    return hashes


def row_bytes(row):
    """Return the bytes that stand for a row; floats as float32, since Keras hands them on as such."""
    row = np.asarray(row)
    if row.dtype == object:
        return repr(row.tolist()).encode("utf-8", "backslashreplace")
    if row.dtype.kind in "fiub":
        row = row.astype(np.float32)
    return row.tobytes()


def file_sha256(path):
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with io.open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def read_text(path, most=1 << 20):
    """Return the beginning of a text file; whatever is not UTF-8 is replaced."""
    with io.open(path, "rb") as stream:
        return stream.read(most).decode("utf-8", "replace")


def write_whole(path, data):
    """Write a file beside its target and rename it."""
    with io.open(path + ".part", "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(path + ".part", path)
