"""Runs as text: verdicts, claims, figures. Every state has a word besides its colour."""

from __future__ import annotations

from typing import Any

import click

from repro.base.text import compact, duration, escape_control, map_strings
from repro.runs.ids import RECORDED
from repro.runs.summary import OWN_TRAINING

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
    """Return `word`, padded, in its colour if standard output takes one."""
    return click.style(word.ljust(width), fg=_COLOURS.get(word), bold=word in ("REPRODUCED", "NOT_REPRODUCED"))


def outcome(run_json: dict[str, Any]) -> str:
    """Return the word for what became of a run: its verdict, else its state; a finished recording is `recorded`."""
    if run_json["environment"] == RECORDED and run_json["state"] == "finished":
        return RECORDED
    return str(run_json["verdict"] or run_json["state"])


def run_text(run_json: dict[str, Any]) -> str:
    """Return a run's JSON object as text: verdict, claims, predictions, evaluation."""
    run = map_strings(run_json, escape_control)
    if run["state"] == "damaged":
        return f"{run['run']}  {coloured('damaged')}  {run['reason']}"
    where = f"{run['environment']}  seed {run['seed']}"
    if run["environment"] == RECORDED:
        where = OWN_TRAINING
    lines = [
        f"{click.style(run['scenario'], bold=True)}  {where}   "
        f"{coloured(outcome(run))}{'  (degraded)' if run['degraded'] else ''}"
    ]
    if run["derived_from"]:
        lines.append(f"  derived from the training of {run['derived_from']} (--direct trains it itself)")
    if run.get("reason"):
        lines.append(f"  {run['state']}: {run['reason']}")
    if run.get("epoch") is not None and run["state"] != "finished":
        lines.append(f"  epoch {run['epoch']} of {run['epochs']}")
    for claim in run["claims"]:
        measured = compact(claim["measured"])
        lines.append(f"  {coloured(claim['outcome'], 8)}{claim['id']:<14}{measured}  (expected {claim['expected']})")
        lines.append(f"          {claim['says']}")
    lines += _figures(run.get("measurements", {}))
    total = run["seconds"].get("total")
    if total is not None:
        warm = " (by a worker that was warm before)" if "warm" in run["seconds"] else ""
        lines.append(f"  {duration(total)}{warm}, run {run['run']}")
    else:
        lines.append(f"  run {run['run']}")
    return "\n".join(lines)


def _figures(measurements: dict[str, Any]) -> list[str]:
    lines = []
    fit = measurements.get("fit", {})
    if fit.get("loss"):
        lines.append(f"  fit             {_loss_and_accuracy(fit['loss'][-1], *fit['accuracy'][-1:])}")
    if "inference" in measurements and measurements["inference"] == measurements.get("evaluate"):
        measurements = {key: value for key, value in measurements.items() if key != "inference"}
    for key, name in (
        ("evaluate", "evaluate"),
        ("inference", "inference"),
        ("evaluate_training_phase", "training phase"),
        ("validation", "validation"),
    ):
        if key in measurements:
            lines.append(f"  {name:<16}{_loss_and_accuracy(measurements[key]['loss'], measurements[key]['accuracy'])}")
    if "predict" in measurements:
        predict = measurements["predict"]
        lines.append(
            f"  predict         classes {_classes(predict['classes'])}  accuracy {compact(predict.get('accuracy'))}"
        )
    if "batch_norm" in measurements:
        norm = measurements["batch_norm"]
        lines.append(
            f"  BatchNorm       {norm['updates']} updates, initial values weigh {compact(norm['initial_weight'])}, "
            f"distance left {compact(norm['moving_to_batch_distance'])}"
        )
    for name, number in measurements.get("printed", {}).items():
        lines.append(f"  printed         {name} {compact(number)}")
    if "weights_sha256" in measurements:
        lines.append(f"  weights         {measurements['weights_sha256']}")
    return lines


def _loss_and_accuracy(loss: object, accuracy: object = None) -> str:
    """Return both figures in words; a recorded program may have no accuracy."""
    return f"loss {compact(loss)}" + ("" if accuracy is None else f"  accuracy {compact(accuracy)}")


def _classes(classes: list[int]) -> str:
    """Return each image's class, or how many images each class got if there are many."""
    if len(classes) <= 12:
        return str(classes)
    return ", ".join(f"{classes.count(label)} x {label}" for label in sorted(set(classes))[:8])
