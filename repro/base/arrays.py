"""Reads untrusted .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.base.errors import InputError
from repro.base.text import one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read(path: Path) -> NDArray[Any]:
    """Return the array, mapped into memory; InputError if the file cannot be read or holds no array."""
    import warnings

    import numpy as np  # 60 ms; most commands need no array

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd header is warned of before it is refused
            array: NDArray[Any] = np.load(path, allow_pickle=False, mmap_mode="r")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=path) from None
    except Exception as error:  # numpy parses the header as Python: TokenError, SyntaxError, MemoryError, ...
        raise InputError(f"damaged ({one_line(error, 80)})", do="delete the run", file=path) from None
    if not isinstance(array, np.ndarray):  # an .npz under another name
        raise InputError("damaged (not one array)", do="delete the run", file=path)
    return array


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """Return images, uint8 (count, height, width, channels 1 or 3), at least one; InputError for other arrays."""
    pixels = read(path)
    if pixels.dtype != "uint8" or pixels.ndim != 4 or pixels.shape[-1] not in (1, 3) or not pixels.size:
        raise InputError("damaged (not images)", do="delete the run", file=path)
    return pixels
