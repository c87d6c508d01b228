"""Contexts after which a program finds what it left: generators, streams, warnings, simple attributes."""

import contextlib
import random
import sys
import threading
import warnings

import numpy as np


@contextlib.contextmanager
def python_untouched(alone=True):
    """Put back Python's and numpy's generators; keep what user code prints or warns of from being seen.

    Where a thread of the program's own may still draw (`alone` is false), its draws are left as they are.
    """
    python, numpy_state = random.getstate(), np.random.get_state()
    streams = sys.stdout, sys.stderr
    warn, warn_explicit = warnings.warn, warnings.warn_explicit
    error_state = np.seterr(all="ignore")
    owner = threading.get_ident()
    sys.stdout, sys.stderr = _Silent(streams[0], owner), _Silent(streams[1], owner)
    warnings.warn = _silent(warn, owner)
    warnings.warn_explicit = _silent(warn_explicit, owner)
    try:
        yield
    finally:
        warnings.warn, warnings.warn_explicit = warn, warn_explicit
        sys.stdout, sys.stderr = streams
        np.seterr(**error_state)
        if alone:
            random.setstate(python)
            np.random.set_state(numpy_state)


def _silent(function, owner):
    def call(*arguments, **options):
        if threading.get_ident() == owner:
            return None
        return function(*arguments, **options)

    return call


class _Silent:
    """A stream that drops what one thread writes and passes on what all other threads write."""

    def __init__(self, stream, owner):
        self._stream = stream
        self._owner = owner

    def write(self, text):
        """Write or drop."""
        if threading.get_ident() == self._owner:
            return len(text)
        return self._stream.write(text)

    def flush(self):
        """Flush the stream of the other threads."""
        if threading.get_ident() != self._owner and self._stream is not None:
            self._stream.flush()

    def __getattr__(self, name):
        return getattr(self._stream, name)


SIMPLE = (bool, int, float, complex, str, bytes, type(None))


@contextlib.contextmanager
def attributes_untouched(objects):
    """Put back the simple attributes of objects, which a `call` may count in, and forget those that it adds."""
    saved = []
    for item in objects:
        attributes = getattr(item, "__dict__", None)
        if attributes is not None:
            saved.append((attributes, {key: each for key, each in attributes.items() if isinstance(each, SIMPLE)}))
    try:
        yield
    finally:
        for attributes, simple in saved:
            for key, each in simple.items():
                if attributes.get(key, saved) is not each:
                    attributes[key] = each
