"""Readable text of runs: verdicts, claims, figures. Every state has a word, colour only adds."""

from __future__ import annotations

from typing import Any

import click

from repro.base.text import compact, duration, escape_control, map_strings
from repro.runs.ids import RECORDED

_COLOURS = {
    "REPRODUCED": "green",
    "NOT_REPRODUCED": "red",
    "INCONCLUSIVE": "yellow",
    "held": "green",
    "failed": "red",
    "unknown": "yellow",
    "running": "cyan",
    "interrupted": "yellow",
    "stopped": "yellow",
    "damaged": "red",
    "error": "red",
    "warning": "yellow",
    "good": "green",
    RECORDED: "cyan",
}


def coloured(word: str, width: int = 0) -> str:
    """`word`, padded, in its colour where standard output takes one."""
    return click.style(word.ljust(width), fg=_COLOURS.get(word), bold=word in ("REPRODUCED", "NOT_REPRODUCED"))


def outcome(run_object: dict[str, Any]) -> str:
    """Return the word for what became of a run: its verdict, else its state; a finished recording is `recorded`."""
    if run_object["environment"] == RECORDED and run_object["state"] == "finished":
        return RECORDED
    return str(run_object["verdict"] or run_object["state"])


def run_text(run_object: dict[str, Any]) -> str:
    """Return a run's JSON object as text: verdict, claims, predictions, evaluation."""
    found = map_strings(run_object, escape_control)
    if found["state"] == "damaged":
        return f"{found['run']}  {coloured('damaged')}  {found['reason']}"
    where = f"{found['environment']}  seed {found['seed']}"
    if found["environment"] == RECORDED:
        where = "a program's own training"
    lines = [
        f"{click.style(found['scenario'], bold=True)}  {where}   "
        f"{coloured(outcome(found))}{'  (degraded)' if found['degraded'] else ''}"
    ]
    if found["derived_from"]:
        lines.append(f"  derived from the training of {found['derived_from']} (--direct trains it itself)")
    if found.get("reason"):
        lines.append(f"  {found['state']}: {found['reason']}")
    if found.get("epoch") is not None and found["state"] != "finished":
        lines.append(f"  epoch {found['epoch']} of {found['epochs']}")
    for claim in found["claims"]:
        measured = compact(claim["measured"])
        lines.append(f"  {coloured(claim['outcome'], 8)}{claim['id']:<14}{measured}  (expected {claim['expected']})")
        lines.append(f"          {claim['says']}")
    lines += _figures(found.get("measurements", {}))
    total = found["seconds"].get("total")
    if total is not None:
        warm = " (by a worker that was warm before)" if "warm" in found["seconds"] else ""
        lines.append(f"  {duration(total)}{warm}, run {found['run']}")
    else:
        lines.append(f"  run {found['run']}")
    return "\n".join(lines)


def _figures(found: dict[str, Any]) -> list[str]:
    lines = []
    fit = found.get("fit", {})
    if fit.get("loss"):
        lines.append(f"  fit             {_loss_and_accuracy(fit['loss'][-1], *fit['accuracy'][-1:])}")
    for key, name in (
        ("evaluate", "evaluate"),
        ("evaluate_training_phase", "training phase"),
        ("validation", "validation"),
    ):
        if key in found:
            lines.append(f"  {name:<16}{_loss_and_accuracy(found[key]['loss'], found[key]['accuracy'])}")
    if "predict" in found:
        predict = found["predict"]
        lines.append(
            f"  predict         classes {_classes(predict['classes'])}  accuracy {compact(predict.get('accuracy'))}"
        )
    if "batch_norm" in found:
        norm = found["batch_norm"]
        lines.append(
            f"  BatchNorm       {norm['updates']} updates, initial values weigh {compact(norm['initial_weight'])}, "
            f"distance left {compact(norm['moving_to_batch_distance'])}"
        )
    if "weights_sha256" in found:
        lines.append(f"  weights         {found['weights_sha256']}")
    return lines


def _loss_and_accuracy(loss: object, accuracy: object = None) -> str:
    """Both figures in words; a recorded program may have no accuracy."""
    return f"loss {compact(loss)}" + ("" if accuracy is None else f"  accuracy {compact(accuracy)}")


def _classes(found: list[int]) -> str:
    """Each image's class, or how many images each class got where there are many."""
    if len(found) <= 12:
        return str(found)
    return ", ".join(f"{found.count(one)} x {one}" for one in sorted(set(found))[:8])
