"""Environments as a command line names them: by name, or by a requirement list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from repro.base.errors import InputError, UnusableError
from repro.base.number_ranges import split_list
from repro.base.text import one_line
from repro.environment import definition
from repro.environment.definition import Environment

# What reads requirements takes 50 ms to import: it is imported where a list is named.
_OPERATORS = re.compile(r"[=<>!~]")


def is_list(text: str) -> bool:
    """Return whether the name of an environment is a requirement list."""
    return _OPERATORS.search(text) is not None


def split_names(values: Sequence[str], option: str) -> list[str]:
    """Return the environments that repeated options name: names, cut at commas, or a requirement list each."""
    names: list[str] = []
    for value in values:
        if not is_list(value):
            names += split_list([value], option)
            continue
        from repro.environment.requirement_list import parse

        listed = parse([value])
        bare = [str(one) for one in listed.requirements if not one.specifier]
        if bare:
            what = f"{option}: {one_line(value, 80)!r} names {one_line(bare[0], 40)} without a version"
            raise InputError(what, do=f"give it a version, or an {option} of its own if it is an environment")
        names.append(str(listed))
    if values and not names:
        split_list(values, option)
    return list(dict.fromkeys(names))


def named(name: str) -> Environment:
    """Return the environment of a name or of a requirement list that was made; UnusableError for one that was not."""
    if not is_list(name):
        return definition.get(name)
    from repro.environment import made
    from repro.environment.requirement_list import parse

    environment = made.answer_to(parse([name]))
    if environment is None:
        raise UnusableError(f"{one_line(name, 100)} was not made here yet", do=f"repro environment new '{name}'")
    return environment
