"""`repro diagnose`: why a run is right in training and wrong afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from repro.base.errors import ExitCode, InputError, ReproError
from repro.base.text import one_line, rounded
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option

if TYPE_CHECKING:
    from repro.explain.diagnosis import Finding
    from repro.runs.directory import RunDirectory


@click.command("diagnose")
@click.argument("run")
@click.option("--no-trial", is_flag=True, help="Do not try the remedies of a traced run (takes no worker).")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, run: str, no_trial: bool, store: Path | None, as_json: bool) -> None:
    """Say from a finished run's figures why it is right in training and wrong afterwards.

    Where the run is traced the remedy is tried on its own weights. Exit 1 where the cause cannot be told.
    RUN: an id, a unique prefix, or `last`.
    """
    from repro.explain import diagnosis

    found = open_store(store).find(run)
    if found.is_recording():
        ctx.exit(_diagnose_recording(found, as_json=as_json))
    findings = diagnosis.diagnose(diagnosis.gather(found, found.require_scenario()))
    tried, note = _try(found, findings, wanted=not no_trial)
    rows = [
        {
            "cause": finding.cause,
            "says": finding.says,
            "numbers": finding.numbers,
            "remedy": diagnosis.remedy_after(finding, [trial["works"] for trial in trials]),
            "trials": trials,
        }
        for finding, trials in zip(findings, tried, strict=True)
    ]
    if as_json:
        print_json({"format": FORMAT, "run": found.id, "diagnosis": findings[0].cause, "findings": rows, "note": note})
    else:
        echo_text(_text(found.id, rows, note))
    if findings[0].cause == "cannot-be-told":
        ctx.exit(int(ExitCode.NOT_REPRODUCED))


def _diagnose_recording(run: RunDirectory, *, as_json: bool) -> int:
    """Print the diagnosis of a recording, whose trials were made in the program itself; return the exit code."""
    from repro.explain.recorded import diagnose

    findings = diagnose(run)
    state = run.state()
    note = None if state == "finished" else f"the recording is {state}: this is what there is of it"
    if as_json:
        rows = msgspec.to_builtins(findings)
        print_json({"format": FORMAT, "run": run.id, "diagnosis": findings[0].cause, "findings": rows, "note": note})
    else:
        echo_text(_text(run.id, msgspec.to_builtins(findings), note))
    return int(ExitCode.NOT_REPRODUCED if findings[0].cause == "cannot-be-told" else ExitCode.DONE)


def _try(run: RunDirectory, findings: list[Finding], *, wanted: bool) -> tuple[list[list[dict[str, Any]]], str | None]:
    """What every trial of every finding gave, and why none was made where none was."""
    nothing: list[list[dict[str, Any]]] = [[] for _ in findings]
    if not wanted or not any(finding.trials for finding in findings):
        return nothing, None
    from repro.supervise.what_if import WhatIfSession, require_traced, snapshots

    try:
        require_traced(run)
        epoch = snapshots(run)[-1]
        with WhatIfSession(run) as session:
            return [
                [_row(session.ask(**_question(trial), epoch=epoch), trial.says, finding) for trial in finding.trials]
                for finding in findings
            ], None
    except InputError as error:
        return nothing, f"the remedy was not tried: {error}"
    except ReproError as error:
        return nothing, f"the remedy could not be tried: {error}"


def _question(trial: Any) -> dict[str, Any]:
    return {
        "momentum": trial.momentum,
        "statistics": trial.statistics,
        "without": trial.without,
        "batch_size": trial.batch_size,
    }


def _row(answer: Any, says: str, finding: Finding) -> dict[str, Any]:
    """One trial: how many images are right then, and whether that mends what the finding says."""
    from repro.explain.criteria import GAP
    from repro.explain.diagnosis import ACCURACIES
    from repro.runs.verdict import ROUND_OFF

    accuracy = answer.predict["accuracy"]
    count = len(answer.predict["classes"])
    accuracies = [float(finding.numbers[name] or 0.0) for name in ACCURACIES if name in finding.numbers]
    before, best = min(accuracies), max(accuracies)
    return {
        "says": says,
        "accuracy": accuracy,
        "right": round(accuracy * count),
        "of": count,
        "before": round(before * count),
        "works": accuracy >= best - GAP - ROUND_OFF and accuracy > before + ROUND_OFF,
    }


def _text(run_id: str, rows: list[dict[str, Any]], note: str | None) -> str:
    from repro.explain import sentences

    lines = [f"run {run_id}"]
    for row in rows:
        lines += ["", click.style(one_line(row["says"], 2000), bold=True)]
        lines += [
            f"  {name.replace('_', ' '):<28} {rounded(value, 6) if isinstance(value, float) else one_line(value)}"
            for name, value in row["numbers"].items()
            if value is not None
        ]
        lines.append(f"  remedy: {one_line(row['remedy'], 1000)}")
        lines += [f"  tried on this run: {one_line(sentences.trial(trial), 400)}" for trial in row["trials"]]
    if note is not None:
        lines += ["", one_line(note, 1000)]
    return "\n".join(lines)
