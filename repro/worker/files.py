"""Files written beside their target and renamed after fsync; tensors go to disk one by one."""

import contextlib
import hashlib
import os
import zipfile

import numpy as np


@contextlib.contextmanager
def replacing(path):
    """A binary file that takes the place of `path` when all was written, and leaves nothing behind when not."""
    temporary = path + ".part"
    try:
        with open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise


def save_array(path, array):
    """Save one array as .npy."""
    with replacing(path) as stream:
        np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)


def save_arrays(path, named):
    """Save (name, array) pairs as an uncompressed .npz, holding one array in memory at a time; its SHA-256."""
    with replacing(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in named:
            with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def arrays_sha256(arrays):
    """SHA-256 over the bytes of each array in turn (dtype and shape do not enter)."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
