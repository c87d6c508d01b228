"""`repro diagnose`: why a run is right in training and wrong afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from repro.base.errors import ExitCode
from repro.base.text import one_line, rounded
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.explain import asked_trials, diagnosis
from repro.explain.causes.ranking import judge


@click.command("diagnose")
@click.argument("run")
@click.option("--no-trial", is_flag=True, help="Do not ask a traced run for more trials (takes no worker).")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, run: str, no_trial: bool, store: Path | None, as_json: bool) -> None:
    """Say from a finished run's figures why it is right in training and wrong afterwards.

    Causes are told apart by trials at the final weights: those that were made in the run, and of a traced run more that
    it is asked for. Exit 1 where the cause cannot be told. RUN: an id, a unique prefix, or `last`.
    """
    chosen = open_store(store).find(run)
    evidence, note = diagnosis.gather(chosen), None
    if chosen.is_recording():
        state = chosen.state()
        note = None if state == "finished" else f"the recording is {state}: this is what there is of it"
    elif not no_trial:
        evidence, note = asked_trials.ask(chosen, evidence)
    findings = judge(evidence)
    rows = msgspec.to_builtins(findings)
    if as_json:
        print_json({"format": FORMAT, "run": chosen.id, "diagnosis": findings[0].cause, "findings": rows, "note": note})
    else:
        echo_text(_text(chosen.id, [finding.headline for finding in findings], rows, note))
    if findings[0].cause == "cannot-be-told":
        ctx.exit(int(ExitCode.NOT_REPRODUCED))


def _text(run_id: str, headlines: list[str], rows: list[dict[str, Any]], note: str | None) -> str:
    from repro.explain import sentences

    lines = [f"run {run_id}"]
    for headline, row in zip(headlines, rows, strict=True):
        lines += ["", click.style(one_line(headline, 2000), bold=True)]
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
