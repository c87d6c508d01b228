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
    from repro.recording.again import Again
    from repro.runs.view import RunView


@click.command("verify")
@click.argument("bundle", type=FilePath(), metavar="FILE.zip")
@click.option("--no-run", is_flag=True, help="Only check the manifest and the records; train nothing.")
@click.option("--images", type=FilePath(), metavar="DIR", help="The images, where only hashes are inside.")
@click.option(
    "--data", type=FilePath(), metavar="DIR", help="The folder in which a recording's program finds its files."
)
@click.option("--trust", is_flag=True, help="Run Python code of the bundle: a model of its own, a recording's program.")
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
    data: Path | None,
    trust: bool,
    yes: bool,
    plain: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Check a bundle, run its scenario again in the same environment, and grade the result.

    Of a recording it checks that the diagnosis follows from the figures; with --trust, and the program inside, it runs
    that again where an environment with the same packages is installed.

    Grades: bit-identical, within tolerance (losses and probabilities to a relative 1e-4), same verdict, different.
    Exit 0 for the first three, 1 for different, 2 for a bad bundle, 3 where the environment cannot be had here.
    """
    with read.opened(bundle) as opened:
        if no_run:
            rows = [_checked(opened, run) for run in opened.runs]
            found, code = _object(opened, rows), max(map(_code, rows))
        else:
            found, code = _verify(opened, images, data, trusted=trust, yes=yes, plain=plain, store=store)
    if as_json:
        print_json(found)
    else:
        echo_text(_text(found))
    ctx.exit(code)


def _checked(opened: Bundle, run: RunView) -> dict[str, Any]:
    """The row of a run that is only checked; of a recording with its diagnosis, and why its program is not run."""
    row: dict[str, Any] = {"run": run.id, "grade": None, "verdicts": [run.verdict, None]}
    if run.is_recording:
        from repro.bundle import diagnosis_file
        from repro.explain.diagnosis import diagnose
        from repro.recording import again

        stated = diagnosis_file.read(run.run)
        row["diagnoses"] = [None if stated is None else stated.diagnosis, diagnose(run.run)[0].cause]
        row["follows"] = stated is not None and diagnosis_file.follows(run.run, stated) is True
        script = next((one for one in opened.manifest.files if one.path == f"runs/{run.id}/script.py"), None)
        row["not_run"] = again.why_not(run, None if script is None else script.original_sha256)
    return row


def _code(row: dict[str, Any]) -> int:
    """The exit code of a run that is only checked: 1 where other rules come to another diagnosis."""
    return int(ExitCode.DONE if row.get("follows", True) else ExitCode.NOT_REPRODUCED)


def _verify(
    opened: Bundle, images: Path | None, data: Path | None, *, trusted: bool, yes: bool, plain: bool, store: Path | None
) -> tuple[dict[str, Any], int]:

    from repro.bundle import verify
    from repro.cli.run import say_not_begun
    from repro.recording import again

    planned = verify.plan(opened, images, ["repro", *sys.argv[1:]], trusted=trusted)
    recordings = {run.id: _checked(opened, run) for run in opened.runs if run.is_recording}
    runnable = [run for run in opened.runs if run.is_recording and recordings[run.id]["not_run"] is None]
    programs = again.plan(opened, runnable, data) if trusted else []
    todo: list[Verification | Again] = [*planned, *programs]
    for one in todo:
        echo_text(f"to do: {one.summary}", err=True)
    reason = verify.needs_consent(todo)
    if reason is not None and not yes:
        raise InputError(reason, do="give --yes to go on")
    codes = [_code(row) for row in recordings.values()]
    if trusted and len(runnable) < len(recordings):
        codes.append(int(ExitCode.NOT_REPRODUCED))  # it was asked for, and nothing could be concluded
    target = open_store(store)
    if planned or programs:
        target.check_writable()
    rows: dict[str, dict[str, Any]] = {}
    for index, verification in enumerate(planned):
        row, code = _run(verification, target, plain=plain, position=(index + 1, len(planned)))
        rows[row["run"]] = row
        codes.append(code)
        if code == ExitCode.ENDED_EARLY or progress.signalled:
            codes.append(say_not_begun(len(planned) - len(rows)))
            programs = []
            break
    for program in programs:
        made, code = _run_again(program, target)
        for row in made:
            recordings[row["run"]].update(row, not_run=None)
        codes.append(code)
    rows |= recordings
    return _object(opened, [rows[run.id] for run in opened.runs if run.id in rows]), max(codes, default=0)


def _run_again(program: Again, store: Any) -> tuple[list[dict[str, Any]], int]:
    """Run a recording's program again; the rows of its recordings, and the exit code."""
    from repro.base.errors import EndedEarlyError
    from repro.explain.diagnosis import diagnose
    from repro.recording import again

    try:
        ours = again.run(program, store)
    except EndedEarlyError as error:
        rows = [{"run": run.id, "state": "failed", "reason": str(error)} for run in program.evidence]
        return rows, int(ExitCode.ENDED_EARLY)
    rows = []
    for theirs, here in zip(program.evidence, ours, strict=True):
        row = _graded(theirs, here)
        row["diagnoses"] = [diagnose(one.run)[0].cause for one in (theirs, here)]
        row["data_sha256"] = [_data_sha256(one) for one in (theirs, here)]
        rows.append(row)
    is_different = any(row["grade"] == "different" for row in rows)
    return rows, int(ExitCode.NOT_REPRODUCED if is_different else ExitCode.DONE)


def _data_sha256(run: RunView) -> str | None:
    """Hash of the data of a recording's fit."""
    recording = run.progress.recorded
    fit = recording.fit if recording is not None else None
    ended = fit.ended if fit is not None else None
    return ended.data.sha256 if ended is not None and ended.data is not None else None


def _run(one: Verification, store: Any, *, plain: bool, position: tuple[int, int]) -> tuple[dict[str, Any], int]:
    from repro.cli.run import run_one

    with _onednn(one.onednn):
        run, code = run_one(one.plan, store, plain=plain, position=position)
    ours = RunView(run)
    row: dict[str, Any] = {"run": one.evidence.id, "here": run.id, "grade": None, "state": ours.state}
    if ours.result is None:
        ended = ours.progress.ended
        row["reason"] = ended.reason if ended is not None else None
        return row, int(code)
    row |= _graded(one.evidence, ours)
    return row, int(ExitCode.NOT_REPRODUCED if row["grade"] == "different" else ExitCode.DONE)


def _graded(theirs: RunView, ours: RunView) -> dict[str, Any]:
    """How close a run here is to the one in the bundle, as the row that --json prints."""
    from repro.bundle import verify

    outcome = verify.grade(theirs, ours)
    return {
        "run": theirs.id,
        "here": ours.id,
        "grade": outcome.grade,
        "state": ours.state,
        "verdicts": [theirs.verdict, ours.verdict],
        "weights_sha256": [run.figures.figure("weights_sha256") for run in (theirs, ours)],
        "why_not_identical": verify.why_not_identical(outcome, theirs),
        "largest_relative_deviation": outcome.largest_relative_deviation,
        "differences": [row.explanation() for row in outcome.differences],
    }


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
            lines.append(f"{row['run']}: {_why_no_grade(row)}")
            continue
        lines.append(f"{row['run']}: {click.style(row['grade'], bold=True)}")
        lines += [f"  {line}" for line in (_verdicts(row), _weights(row), _differs(row), f"run here: {row['here']}")]
        if row["grade"] != "bit-identical":
            lines.append(f"  why: {row['why_not_identical']}")
            lines += _reasons([one for one in row["differences"] if one["explains"]])
    return "\n".join(lines)


def _why_no_grade(row: dict[str, Any]) -> str:
    from repro.base.text import exact

    state = row.get("state")
    if state is not None:
        return f"{state} ({exact(row.get('reason'))})"
    if "diagnoses" not in row:
        verdict = row["verdicts"][0]
        return (
            f"{'it has no result' if verdict is None else f'{verdict}, which follows from its figures'}; not run here"
        )
    there, here = row["diagnoses"]
    said = f"{here}, which follows from its figures"
    if not row["follows"]:
        said = f"{here} by the rules of this version; those that wrote the bundle said {exact(there)}"
    return f"{said}; not run here: {row['not_run'] or 'its program is inside, and runs with --trust'}"


def _verdicts(row: dict[str, Any]) -> str:
    if "diagnoses" in row:
        there, here = row["diagnoses"]
        data = row["data_sha256"]
        of_data = "the same data" if data[0] == data[1] is not None else "other data, or data that was not hashed"
        words = f"the same diagnosis: {here}" if there == here else f"another diagnosis: {there} there, {here} here"
        return f"{words}; {of_data}"
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
