"""What every command needs, also for its help page: nothing but click is imported here."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class FilePath(click.Path):
    """A path on the command line; an empty one is refused, since it would mean the current folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)  # the reader's message says more

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


def images_options(function: F) -> F:
    """Add the options that choose images."""
    function = click.option("--convert", type=click.Choice(["L"]), help="Turn colour images into greyscale.")(function)
    return click.option("--images", type=FilePath(), help="Your own images: one file per class.")(function)


def training_options(function: F) -> F:
    """Add the options that say how scenarios are trained."""
    for option in (
        click.option("--trust", is_flag=True, help="Run the Python code of a scenario with a model of its own."),
        click.option("--deterministic", is_flag=True, help="Turn op determinism on (changes the bits)."),
        click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True),
        images_options,
        click.option(
            "--environment", "environments", multiple=True, metavar="E", help="Repeat it, or `all` installed ones."
        ),
    ):
        function = option(function)
    return function


def echo_raw(text: str | bytes, *, err: bool = False, nl: bool = True) -> None:
    """Print text that is already safe to show.

    A reader that closed its end (`| head`) or a broken standard error does not change the exit code, which belongs to
    the command's result. OSError if data could not be written for another reason.
    """
    try:
        click.echo(text, err=err, nl=nl, color=False if os.environ.get("NO_COLOR") else None)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2 if err else 1)  # Python flushes its buffer again at exit
        if not err and error.errno != errno.EPIPE:
            raise OSError(error.errno, error.strerror, "standard output") from None
