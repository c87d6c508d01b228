"""What can be read from a program's text without running it."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_CHARACTERS = 1024 * 1024
MAX_NAMES = 40

_FILE_NAME = re.compile(r"^[\w./ -]{1,200}\.(csv|tsv|txt|npy|npz|h5|hdf5|keras|json|pkl|parquet|jpe?g|png|bmp|zip|gz)$")
# Names that reports use without importing them.
_FROM = {
    "keras.layers": (
        "Activation Add AveragePooling2D BatchNormalization Bidirectional Concatenate Conv1D Conv2D Conv2DTranspose "
        "Dense DepthwiseConv2D Dropout Embedding Flatten GRU GlobalAveragePooling2D GlobalMaxPooling2D Input LSTM "
        "LeakyReLU MaxPooling1D MaxPooling2D Permute ReLU Reshape SeparableConv2D UpSampling2D ZeroPadding2D"
    ),
    "keras.models": "Model Sequential load_model",
    "keras.optimizers": "Adadelta Adagrad Adam Nadam RMSprop SGD",
    "keras.utils": "to_categorical",
}
_IMPORTS = {
    "np": "import numpy as np",
    "numpy": "import numpy",
    "tf": "import tensorflow as tf",
    "keras": "import keras",
    "layers": "from keras import layers",
    "K": "from keras import backend as K",
    "os": "import os",
    "random": "import random",
} | {name: f"from {module} import {name}" for module, names in _FROM.items() for name in names.split()}


@dataclass(frozen=True)
class Unbound:
    """A name that a program reads and never binds, and the line where it first does."""

    name: str
    line: int


def parse(text: str) -> ast.Module | None:
    """Return the syntax tree of a program; None if it is not Python 3, or too large."""
    if len(text) > MAX_CHARACTERS:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def does_something(tree: ast.Module) -> bool:
    """Return whether a program does more than name values, as pasted output does that happens to be Python."""
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AugAssign, ast.FunctionDef, ast.ClassDef, ast.For, ast.With)
    return any(isinstance(node, kinds) or _is_call(node) for node in tree.body)


def _is_call(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def statements(tree: ast.Module) -> list[str]:
    """Return the top-level statements in one spelling, to compare programs."""
    return [ast.dump(node) for node in tree.body]


def unbound_names(tree: ast.Module) -> list[Unbound]:
    """Return names that are read and bound nowhere, in the order of their lines; not those of an `import *`."""
    bound = set(dir(builtins)) | {"__file__"}
    read: dict[str, int] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Load()):
                read[node.id] = min(node.lineno, read.get(node.id, node.lineno))
            case ast.Name():
                bound.add(node.id)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    if alias.name == "*":
                        return []
                    bound.add((alias.asname or alias.name).partition(".")[0])
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
            case ast.arg():
                bound.add(node.arg)
            case ast.ExceptHandler(name=str() as name):
                bound.add(name)
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                bound.add(name)
            case _:
                pass
    found = [Unbound(name, line) for name, line in read.items() if name not in bound]
    return sorted(found, key=lambda unbound: unbound.line)[:MAX_NAMES]


def missing_imports(names: list[Unbound]) -> list[str]:
    """Return import lines for those unbound names that have one meaning in programs with Keras."""
    return sorted({_IMPORTS[unbound.name] for unbound in names if unbound.name in _IMPORTS})


def file_names(tree: ast.Module) -> list[str]:
    """Return the texts in a program that look like names of files, in their order."""
    return list(dict.fromkeys(text for text in _texts(tree) if _FILE_NAME.match(text)))[:MAX_NAMES]


def files_beside(tree: ast.Module, folder: Path) -> list[str]:
    """Return the files of a folder that a program names or imports, as relative paths."""
    names = [name for name in _texts(tree) if 0 < len(name) <= 200 and "\0" not in name]
    names += [f"{module.replace('.', '/')}.py" for module in _modules(tree)]
    found = []
    for name in dict.fromkeys(names):
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            continue
        try:
            is_there = (folder / path).is_file() and not (folder / path).is_symlink()
        except OSError:
            is_there = False
        if is_there:
            found.append(path.as_posix())
    return found[:MAX_NAMES]


def takes_seed(tree: ast.Module) -> bool:
    """Return whether a program has an option --seed."""
    return "--seed" in _texts(tree)


def _texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
