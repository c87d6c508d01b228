"""`repro verify`: check a bundle and run it again here."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repro.base.errors import ExitCode, InputError
from repro.base.text import exact
from repro.bundle import read
from repro.bundle.read import Bundle
from repro.cli import progress
from repro.cli.basics import FilePath
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.environment.machine import ONEDNN
from repro.runs.events import to_number
from repro.runs.view import RunView

if TYPE_CHECKING:
    from repro.bundle.verify import Verification


@click.command("verify")
@click.argument("bundle", type=FilePath(), metavar="FILE.zip")
@click.option("--no-run", is_flag=True, help="Only check the manifest and the records; train nothing.")
@click.option("--images", type=FilePath(), metavar="DIR", help="The images, where only hashes are inside.")
@click.option("--trust", is_flag=True, help="Run the Python code of a bundle whose model is its own.")
@click.option("--yes", is_flag=True, help="Go on above 10 minutes or 4 GiB.")
@click.option("--plain", is_flag=True, help="Plain lines instead of a progress bar.")
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    bundle: Path,
    no_run: bool,
    images: Path | None,
    trust: bool,
    yes: bool,
    plain: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Check a bundle, run its scenario again in the same environment, and grade the result.

    Grades: bit-identical, within tolerance (losses and probabilities to a relative 1e-4), same verdict, different.
    Exit 0 for the first three, 1 for different, 2 for a bad bundle, 3 where the environment cannot be had here.
    """
    with read.opened(bundle) as opened:
        if no_run:
            found = _object(
                opened, [{"run": run.id, "grade": None, "verdicts": [run.verdict, None]} for run in opened.runs]
            )
            code = int(ExitCode.DONE)
        else:
            found, code = _verify(opened, images, trusted=trust, yes=yes, plain=plain, store=store)
    if as_json:
        print_json(found)
    else:
        echo_text(_text(found))
    ctx.exit(code)


def _verify(
    opened: Bundle, images: Path | None, *, trusted: bool, yes: bool, plain: bool, store: Path | None
) -> tuple[dict[str, Any], int]:

    from repro.bundle import verify
    from repro.cli.run import say_not_begun

    planned = verify.plan(opened, images, ["repro", *sys.argv[1:]], trusted=trusted)
    for one in planned:
        echo_text(f"to do: {one.summary}", err=True)
    reason = verify.needs_consent(planned)
    if reason is not None and not yes:
        raise InputError(reason, do="give --yes to go on")
    target = open_store(store)
    target.check_writable()
    rows, codes = [], [int(ExitCode.DONE)]
    for index, one in enumerate(planned):
        row, code = _run(one, target, plain=plain, position=(index + 1, len(planned)))
        rows.append(row)
        codes.append(code)
        if code == ExitCode.ENDED_EARLY or progress.signalled:
            codes.append(say_not_begun(len(planned) - len(rows)))
            break
    return _object(opened, rows), max(codes)


def _run(one: Verification, store: Any, *, plain: bool, position: tuple[int, int]) -> tuple[dict[str, Any], int]:
    from repro.bundle import verify
    from repro.cli.run import run_one

    with _onednn(one.onednn):
        run, code = run_one(one.plan, store, plain=plain, position=position)
    ours = RunView(run)
    row: dict[str, Any] = {"run": one.evidence.id, "here": run.id, "grade": None, "state": ours.state}
    if ours.result is None:
        ended = ours.progress.ended
        row["reason"] = ended.reason if ended is not None else None
        return row, int(code)
    outcome = verify.grade(one.evidence, ours)
    row.update(
        grade=outcome.grade,
        verdicts=[one.evidence.verdict, ours.verdict],
        weights_sha256=[run.figures.figure("weights_sha256") for run in (one.evidence, ours)],
        why_not_identical=verify.why_not_identical(outcome, one.evidence),
        largest_relative_deviation=outcome.largest_relative_deviation,
        differences=[row.explanation() for row in outcome.differences],
    )
    return row, int(ExitCode.NOT_REPRODUCED if outcome.grade == "different" else ExitCode.DONE)


@contextlib.contextmanager
def _onednn(value: str | None) -> Iterator[None]:
    """Have the worker get TF_ENABLE_ONEDNN_OPTS as the bundle's had it; a worker gets it from this process."""
    before = os.environ.pop(ONEDNN, None)
    if value is not None:
        os.environ[ONEDNN] = value
    try:
        yield
    finally:
        os.environ.pop(ONEDNN, None)
        if before is not None:
            os.environ[ONEDNN] = before


def _object(opened: Bundle, rows: list[dict[str, Any]]) -> dict[str, Any]:
    for row in rows:
        deviation = row.get("largest_relative_deviation")
        if deviation is not None:
            row["largest_relative_deviation"] = to_number(deviation)
    return {
        "format": FORMAT,
        "file": str(opened.path),
        "manifest": "whole",
        "files": len(opened.manifest.files),
        "runs": rows,
    }


def _text(found: dict[str, Any]) -> str:
    lines = [f"{exact(found['file'])}: {found['files']} files, every hash as listed, records agree"]
    for row in found["runs"]:
        if row["grade"] is None:
            state = row.get("state")
            if state is None:
                verdict = row["verdicts"][0]
                said = "it has no result" if verdict is None else f"{verdict}, which follows from its figures"
                lines.append(f"{row['run']}: {said}; not run here")
            else:
                lines.append(f"{row['run']}: {state} ({exact(row.get('reason'))})")
            continue
        lines.append(f"{row['run']}: {click.style(row['grade'], bold=True)}")
        lines += [f"  {line}" for line in (_verdicts(row), _weights(row), _differs(row), f"run here: {row['here']}")]
        if row["grade"] != "bit-identical":
            lines.append(f"  why: {row['why_not_identical']}")
            lines += _reasons([one for one in row["differences"] if one["explains"]])
    return "\n".join(lines)


def _verdicts(row: dict[str, Any]) -> str:
    there, here = row["verdicts"]
    return f"the same verdict: {here}" if there == here else f"another verdict: {there} there, {here} here"


def _weights(row: dict[str, Any]) -> str:
    there, here = (exact(value) for value in row["weights_sha256"])
    if row["grade"] == "bit-identical":
        return f"the same weights, bit for bit: SHA-256 {here}"
    deviation = row["largest_relative_deviation"]
    words = (
        "other things were measured"
        if deviation is None
        else f"losses and probabilities deviate by {exact(deviation)} at most (relative)"
    )
    return f"other weights: SHA-256 {there[:16]} there, {here[:16]} here; {words}"


def _differs(row: dict[str, Any]) -> str:
    """In what the environments differ, in a line: what can change a figure, else that nothing can."""
    found = row["differences"]
    if not found:
        return "differs in: nothing that is recorded of the environments"
    telling = list(dict.fromkeys(one["group"] for one in found if one["explains"]))
    if telling:
        return f"differs in: {', '.join(telling)}"
    names = ", ".join(exact(one["name"]) for one in found[:4]) + (", ..." if len(found) > 4 else "")
    return f"differs in: nothing that can change a figure ({names})"


def _reasons(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = ["  the environments differ, the likeliest explanation first"]
    for row in rows[:12]:
        there, here = (exact(value) for value in row["values"])
        lines += [f"    {exact(row['name'])}: {there} there, {here} here", f"      {row['why']} ({row['source']})"]
    if len(rows) > 12:
        lines.append(f"    and {len(rows) - 12} more (--json lists them)")
    return lines
