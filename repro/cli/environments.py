"""Environments named on a command line: a requirement list is made before anything else happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from repro.cli.common import echo_note
from repro.environment import made
from repro.environment.definition import Environment
from repro.environment.named import is_list, named, split_names
from repro.environment.requirement_list import parse
from repro.supervise.new_environment import make

Say = Callable[[str], None]


def make_named(values: Sequence[str], option: str = "--environment", say: Say = echo_note) -> tuple[str, ...]:
    """Return the names of the environments that an option names; requirement lists among them are made now."""
    names = split_names(values, option)
    return tuple(make_one(name, say).name if is_list(name) else name for name in names)


def make_one(name: str, say: Say = echo_note) -> Environment:
    """Return the environment of a name or of a requirement list, which is made if it was not."""
    if not is_list(name):
        return named(name)
    wanted = parse([name])
    known = made.answer_to(wanted)
    if known is not None and known.is_installed() and known.definition.cannot_train != made.NEVER_TRIED:
        return known
    return make(wanted, say=say)
