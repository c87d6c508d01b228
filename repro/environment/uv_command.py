"""Runs uv, which resolves and installs packages, with the package index that this machine is set up with."""

from __future__ import annotations

import configparser
import functools
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import uv

from repro.base.errors import ReproError, UnusableError
from repro.base.text import one_line

# Variables with which uv was told where its packages come from; then pip's settings do not count.
_UV_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_NO_INDEX", "UV_CONFIG_FILE")
_UNREACHABLE = re.compile(
    r"(failed to fetch|request failed|error sending request|network was disabled|dns error|could not connect)", re.I
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
NO_SPACE = "No space left on device"


class UnreachableError(UnusableError):
    """The package index does not answer (exit 3)."""


class DiskFullError(UnusableError):
    """There is no space for packages (exit 3)."""


class UvError(ReproError):
    """uv refused: `what` is its reason on one line, `output` all of it."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(reason)
        self.output = output


def run(arguments: Sequence[str | Path], *, text: str = "", folder: Path | None = None) -> str:
    """Return what uv prints for these arguments; `text` is its input, `folder` where environments are made.

    UnusableError where the package index cannot be reached or the disk is full, UvError where uv refuses.
    """
    try:
        done = subprocess.run(
            [uv.find_uv_bin(), *arguments],
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            env=_variables(folder),
            cwd="/",  # settings of a project in the user's folder are not ours
            check=False,
        )
    except OSError as error:
        raise UnusableError(f"uv does not start ({error.strerror or error})", do="install repro again") from None
    if done.returncode == 0:
        return done.stdout
    output = _CREDENTIALS.sub("", done.stderr or done.stdout)
    if _UNREACHABLE.search(output):
        cause = one_line(output.strip().rpartition("cause: ")[2], 200)
        raise UnreachableError(
            f"the package index cannot be reached ({cause})",
            do="use an environment that is installed (repro environment list), or make it where there is a network",
        )
    if NO_SPACE in output:
        raise DiskFullError("the disk is full", do="free some space: repro environment list shows sizes", file=folder)
    raise UvError(_reason(output), output)


def _reason(output: str) -> str:
    """Return what uv found out, on one line: its first step that names a dependency, and what was required."""
    words = re.sub(r"\s+", " ", output).partition(" hint: ")[0]
    lead, match, cause = words.partition("cause: ")
    steps = re.split(r"\. (?=And|Because)|(?<=\)) (?=Because|And)", cause if match else lead)
    steps = [re.sub(r",? ?(and )?we can conclude that .*", "", step) for step in steps if step.strip()]
    first = next((place for place, one in enumerate(steps) if "depends on" in one), len(steps) - 1)
    told = [re.sub(r"^(And )?[Bb]ecause |^error: ", "", one.strip()).rstrip(" ,.") for one in steps[first:]]
    wanted = [one for one in told[1:] if one.startswith("you require")]
    return one_line("; ".join([*told[:1], *wanted]) or "no reason given", 300)


def _variables(folder: Path | None) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    variables |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_LINK_MODE": "hardlink"}
    index = None if any(os.environ.get(name) for name in _UV_INDEX) else pip_index()
    if index is not None:
        variables["UV_DEFAULT_INDEX"] = index
    if folder is not None and "UV_CACHE_DIR" not in variables and not _shares_disk(folder):
        variables["UV_CACHE_DIR"] = str(folder / ".uv-cache")
    return variables


def _shares_disk(folder: Path) -> bool:
    """Return whether files of uv's usual cache can be hard-linked into `folder`."""
    home = os.environ.get("XDG_CACHE_HOME") or (f"{os.environ['HOME']}/.cache" if os.environ.get("HOME") else None)
    if home is None:
        return False
    return _nearest(Path(home)).stat().st_dev == _nearest(folder).stat().st_dev


def _nearest(path: Path) -> Path:
    """Return the deepest folder on the way to `path` that exists."""
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())


def pip_index() -> str | None:
    """Return the package index that pip is set up with; None for its own."""
    chosen = os.environ.get("PIP_INDEX_URL")
    for file in _pip_files():
        if chosen:
            break
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            continue
        chosen = next(
            (parser[one]["index-url"] for one in ("install", "global") if parser.has_option(one, "index-url")), None
        )
    return chosen


def _pip_files() -> Iterable[Path]:
    """Yield pip's files of settings, the one that counts most first."""
    if os.environ.get("PIP_CONFIG_FILE"):
        yield Path(os.environ["PIP_CONFIG_FILE"])
    home = os.environ.get("HOME")
    if home:
        yield Path(os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config") / "pip/pip.conf"
        yield Path(home) / ".pip/pip.conf"
    yield Path("/etc/pip.conf")
    for folder in (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"):
        yield Path(folder) / "pip/pip.conf"


@functools.cache
def index_address() -> str | None:
    """Return the address of the package index that uv reads; None where it was told to read none."""
    printed = run(["pip", "compile", "-", "--no-deps", "--no-header", "--emit-index-url", "--quiet"])
    match = re.search(r"^(?:--index-url|--default-index) (\S+)", printed, re.M)
    return match.group(1) if match else None
