"""What commands share: options, the store, output as JSON and as text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from repro.base.text import escape_control, map_strings, to_utf8
from repro.cli.basics import FilePath, echo_raw
from repro.runs.store import Store

F = TypeVar("F", bound=Callable[..., Any])
FORMAT = 1
_OWN_STYLES = re.compile("(\x1b\\[(?:0|1|22|3[0-7])m)")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


def open_store(folder: Path | None = None) -> Store:
    """Open the store at --store, else $REPRO_STORE, else runs/ in the current folder."""
    if folder is None:
        context = click.get_current_context(silent=True)
        folder = context.find_object(Path) if context is not None else None
    return Store(folder or Path(os.environ.get("REPRO_STORE") or "runs"))


def store_option(function: F) -> F:
    """Allow --store after the command's name as well as before it."""
    return click.option("--store", type=FilePath(), help="Folder of the runs.")(function)


def print_json(data: Any) -> None:
    """Print one object on one line of standard output."""
    try:
        raw = msgspec.json.encode(data)
    except UnicodeEncodeError:  # a file name that is no UTF-8
        raw = msgspec.json.encode(map_strings(data, to_utf8))
    text = raw.decode()
    if not text.isprintable():  # only within strings, where an escape means the same
        text = "".join(char if char.isprintable() else _json_escape(char) for char in text)
    echo_raw(text.encode())  # as bytes: JSON is UTF-8, whatever the terminal speaks


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def echo_text(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print text for people on standard output or error. All text of commands goes through here.

    Only line feeds, tabs and the colours of `click.style` reach the terminal as control characters. Text from files
    must go through `escape_control` before it is styled.
    """
    pieces = _OWN_STYLES.split(text)
    safe = [piece if index % 2 else escape_control(piece, keep="\n\t") for index, piece in enumerate(pieces)]
    echo_raw("".join(safe), err=err, nl=nl)


def echo_note(line: str) -> None:
    """Print a line on standard error that begins with the program's name."""
    echo_text(f"repro: {line}", err=True)
