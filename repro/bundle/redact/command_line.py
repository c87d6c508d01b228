"""Which words of a recorded command line are ours, and which could tell something."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence, Set

from repro.base import shipped
from repro.environment.definition import shipped_environments
from repro.scenario.load import shipped_names

_OPTION = re.compile(r"^--?[A-Za-z][A-Za-z_-]*$")
# Numbers, lists and ranges of them, and aliases of an earlier export.
_PLAIN_VALUE = re.compile(
    r"^\d{1,10}([,:]\d{1,10})*$|^-?(\d{1,6}\.?\d{0,6}|\.\d{1,6})([eE][+-]?\d{1,3})?$|^<[a-z]+-\d{1,5}>$"
)
# Packages that a scenario can be about, with a version, and names of the environments made of them.
_REQUIREMENT = re.compile(
    r"^(keras|tf-keras|tensorflow(-cpu|-gpu)?|numpy|scipy|h5py|protobuf|pillow)(\[and-cuda\])?"
    r"([=<>!~]=|[<>])\d[\da-z.*]{0,20}$"
)
_MADE = re.compile(r"^(tf-)?(keras|tensorflow)-\d[\da-z.-]{0,70}-[0-9a-f]{6}$")


def private_arguments(command: Sequence[str], own_words: Set[str] = frozenset()) -> list[str]:
    """Return the arguments of a command, and values of its options, that are neither ours nor among `own_words`."""
    values = [value for word in command for value in _split_option(word)[1:] if not _is_public(value)]
    return [value for value in values if value not in own_words]


def public_word(word: str, position: int, own_words: Set[str] = frozenset()) -> str:
    """Return a word of a command with a private value replaced by `<argument-POSITION>`."""
    name, *value = _split_option(word)
    if not value or value[0] in own_words or _is_public(value[0]):
        return word
    return f"{name}{'=' if name else ''}<argument-{position}>"


def _split_option(word: str) -> tuple[str, ...]:
    """("--images", "/x") for --images=/x; ("--images",) for an option alone; ("", "/x") for a value."""
    if word.startswith("-"):
        name, equals, value = word.partition("=")
        if _OPTION.match(name):
            return (name, value) if equals else (name,)
    return ("", word)


def _is_public(value: str) -> bool:
    shapes = (_PLAIN_VALUE, _REQUIREMENT, _MADE)
    return not value or all(
        part in _public_words() or any(shape.match(part) for shape in shapes) for part in value.split(",")
    )


# What programs that train are often told by an argument.
_KERAS_WORDS = (
    *("adam", "adamw", "nadam", "sgd", "rmsprop", "adagrad", "lion", "relu", "gelu", "tanh", "sigmoid", "softmax"),
    *("float16", "float32", "bfloat16", "mixed_float16", "mnist", "fashion_mnist", "cifar10", "cifar100", "imdb"),
)


@functools.cache
def _public_words() -> frozenset[str]:
    commands = [path.stem.replace("_", "-") for path in (shipped.PACKAGE / "cli").glob("*.py")]
    values = ("repro", "auto", "cpu", "gpu", "L", "all", "record", "python", "python3", "pytest")
    switches = ("true", "false", "True", "False", "yes", "no", "on", "off", "none", "None")
    return frozenset([*values, *switches, *_KERAS_WORDS, *commands, *shipped_names(), *shipped_environments()])
