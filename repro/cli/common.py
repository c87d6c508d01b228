"""What commands share: options, the store, JSON lines, the JSON shapes of a run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from repro.base.errors import InputError, encodable, printable
from repro.cli.basics import FilePath, write
from repro.runs.directory import RunDirectory
from repro.runs.progress import Progress
from repro.runs.recorded_record import RECORDED
from repro.runs.records import Result, RunRecord
from repro.runs.store import Store
from repro.runs.verdict import decide_all

F = TypeVar("F", bound=Callable[..., Any])
FORMAT = 1
_OWN_STYLES = re.compile("(\x1b\\[(?:0|1|22|3[0-7])m)")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


def open_store(asked: Path | None = None) -> Store:
    """--store, else $REPRO_STORE, else runs/ here."""
    if asked is None:
        context = click.get_current_context(silent=True)
        asked = context.find_object(Path) if context is not None else None
    return Store(asked or Path(os.environ.get("REPRO_STORE") or "runs"))


def store_option(function: F) -> F:
    """--store after the command's name, as well as before it."""
    return click.option("--store", type=FilePath(), help="Folder of the runs.")(function)


def print_json(data: Any) -> None:
    """One object on one line of standard output."""
    try:
        raw = msgspec.json.encode(data)
    except UnicodeEncodeError:  # a file name that is no UTF-8
        raw = msgspec.json.encode(_encodable(data))
    text = raw.decode()
    if not text.isprintable():  # only within strings, where an escape means the same
        text = "".join(char if char.isprintable() else _json_escape(char) for char in text)
    write(text.encode())  # as bytes: JSON is UTF-8, whatever the terminal speaks


def _encodable(data: Any) -> Any:
    if isinstance(data, str):
        return encodable(data)
    if isinstance(data, dict):
        return {_encodable(key): _encodable(value) for key, value in data.items()}
    return [_encodable(one) for one in data] if isinstance(data, list | tuple) else data


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Write lines for people, on standard output or error. All text of commands goes through here.

    Nothing that a terminal would obey passes but line feeds and the colours that `click.style` writes here; text of
    others must be made `harmless` before it is styled.
    """
    pieces = _OWN_STYLES.split(text)
    safe = [piece if index % 2 else _neutral(piece) for index, piece in enumerate(pieces)]
    write("".join(safe), err=err, nl=nl)


def _neutral(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def harmless(data: Any) -> Any:
    """Plain data whose strings are lines without control characters."""
    if isinstance(data, str):
        return data if data.isprintable() else printable(data, len(data))
    if isinstance(data, dict):
        return {harmless(key): harmless(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [harmless(item) for item in data]
    return data


def split(values: tuple[str, ...], option: str) -> list[str]:
    """Repeated options and comma lists as one list, each value once."""
    parts = [part.strip() for value in values for part in value.split(",")]
    found = list(dict.fromkeys(part for part in parts if part))
    if values and not found:
        raise InputError(f"{option}: nothing is named", do="give at least one")
    return found


def numbers(values: tuple[str, ...], option: str) -> list[int]:
    """Repeated options, comma lists and ranges A:B (B left out) as numbers."""
    found: list[int] = []
    for text in split(values, option):
        first, colon, last = text.partition(":")
        try:
            start, stop = int(first), int(last) if colon else int(first) + 1
        except ValueError:
            raise InputError(
                f"{option}: {printable(text, 40)!r} is not a whole number", do="give 0, 0,1,2 or 0:3"
            ) from None
        if not (0 <= start < stop <= 2**31 and stop - start <= 10_000):
            what = f"{option}: {printable(text, 40)!r} is out of range"
            raise InputError(what, do="give 0 to 2147483647, or A:B with A below B and 10000 apart at most")
        found += range(start, stop)
    return list(dict.fromkeys(found))


def run_object(run: RunDirectory, *, with_measurements: bool = True) -> dict[str, Any]:
    """The JSON object of one run, as `run` and `show` print it; a damaged run has its reason instead of figures."""
    try:
        record = run.named_record()
        result = run.result()
    except InputError as error:
        return _damaged(run, error, with_measurements)
    if result is not None:
        return _finished(result, with_measurements)
    return _unfinished(run, record, with_measurements)


def _finished(result: Result, with_measurements: bool) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(result)
    del plain["files"]
    if result.environment == RECORDED:
        plain["seed"] = None
    if not with_measurements:
        del plain["measurements"]
    return plain


def _damaged(run: RunDirectory, error: InputError, with_measurements: bool) -> dict[str, Any]:
    """The keys of every run, so that who reads a list of runs needs no case of its own; `reason` says what is wrong."""
    found: dict[str, Any] = {"format": FORMAT, "run": run.id}
    found |= dict.fromkeys(("scenario", "environment", "seed"))
    found |= {"state": "damaged", "verdict": None, "degraded": False, "derived_from": None, "claims": []}
    if with_measurements:
        found["measurements"] = {}
    return found | {"seconds": {}, "reason": str(error)}


def _unfinished(run: RunDirectory, record: RunRecord, with_measurements: bool) -> dict[str, Any]:
    try:
        progress = run.progress()
    except InputError as error:
        return _damaged(run, error, with_measurements)
    found = {
        "format": FORMAT,
        "run": run.id,
        "scenario": record.scenario,
        "environment": record.environment,
        "seed": None if record.environment == RECORDED else record.seed,
        "state": run.state(progress),
        "verdict": None,
        "degraded": False,
        "derived_from": record.derived_from,
        "claims": [],
        "seconds": progress.seconds,
        "epoch": progress.epoch,
        "epochs": progress.epochs,
        "reason": progress.ended.reason if progress.ended is not None else None,
    }
    if with_measurements:
        try:
            found["measurements"] = measurements_so_far(record, progress)
            found["claims"] = claims_so_far(run, record, progress)
        except InputError as error:
            return _damaged(run, error, with_measurements)
    return found


def measurements_so_far(record: RunRecord, progress: Progress) -> dict[str, Any]:
    """Measurements of an unfinished run."""
    return progress.measurements(labels=[image.label for image in record.images])


def claims_so_far(run: RunDirectory, record: RunRecord, progress: Progress) -> list[dict[str, Any]]:
    """Claims of an unfinished run: unknown until the last epoch was measured."""
    try:
        scenario = run.scenario()
    except InputError:
        return []
    if scenario is None:
        return []
    done = progress.epoch == scenario.fit.epochs
    found = progress.measurements(scenario.fit.epochs, [image.label for image in record.images]) if done else {}
    return [msgspec.to_builtins(claim) for claim in decide_all(scenario, found, record.environment)]
