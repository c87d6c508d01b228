"""`repro what-if`: other momenta for a traced run, without training."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from repro.base.errors import InputError
from repro.base.number_ranges import parse_numbers, split_list
from repro.base.text import compact, one_line, rounded
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.explain.recorded_what_if import answers
from repro.runs.directory import RunDirectory
from repro.supervise.what_if import Statistics, WhatIfSession, snapshots

MOST_CELLS = 12  # of the classes in the table; --json has all


@click.command("what-if")
@click.argument("run")
@click.option("--momentum", "momenta", multiple=True, required=True, metavar="M", help="Repeat it, or 0.5,0.9,0.99.")
@click.option("--epoch", "epochs", multiple=True, metavar="E", help="Epochs with kept weights.  [default: the last]")
@click.option("--debiased", is_flag=True, help="Also with the initial values taken out of the averages.")
@click.option("--re-estimated", is_flag=True, help="Also with statistics from one pass over the images (precise BN).")
@click.option("--without-random-layers", is_flag=True, help="Re-estimate with dropout, noise and augmentation off.")
@store_option
@json_option
def command(
    run: str,
    momenta: tuple[str, ...],
    epochs: tuple[str, ...],
    debiased: bool,
    re_estimated: bool,
    without_random_layers: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Ask a traced run what another momentum would have predicted. RUN: an id, a unique prefix, or `last`.

    A recording answers for the momenta that were tried in the program, at the weights that its last fit left.
    """
    found = open_store(store).find(run)
    values = [_momentum(text) for text in split_list(momenta, "--momentum")]
    asked = parse_numbers(epochs, "--epoch")
    if without_random_layers and not re_estimated:
        raise InputError("--without-random-layers: it changes re-estimated statistics only", do="add --re-estimated")
    if found.is_recording():
        _answer_from_trials(found, values, asked, as_json=as_json, debiased=debiased, re_estimated=re_estimated)
        return
    kinds: list[Statistics] = ["moving"]
    kinds += ["debiased"] if debiased else []
    answers = []
    with WhatIfSession(found) as session:
        kept = snapshots(found)
        for epoch in asked or kept[-1:]:
            for momentum in values:
                answers += [session.ask(momentum, epoch, kind) for kind in kinds]
            if re_estimated:
                is_on = not without_random_layers
                answers.append(session.ask(values[0], epoch, "re-estimated", random_layers=is_on))
    if as_json:
        print_json({"format": FORMAT, "run": found.id, "answers": msgspec.to_builtins(answers)})
        return
    echo_text(f"{'momentum':<10}{'epoch':>6}  {'statistics':<13}{'right':>7}  {'classes':<12}  {'loss':<24}exact")
    for answer in answers:
        right = f"{answer.predict['accuracy'] * len(answer.predict['classes']):.0f} of {len(answer.predict['classes'])}"
        named = "-" if answer.statistics == "re-estimated" else f"{answer.momentum:g}"
        echo_text(
            f"{named:<10}{answer.epoch:>6}  {answer.statistics:<13}{right:>7}  "
            f"{_classes(answer.predict['classes']):<12}  {compact(answer.evaluate['loss']):<24}"
            f"{'bit for bit' if answer.exact else 'as measured'}"
        )


def _classes(classes: list[int]) -> str:
    """The classes that were answered, of the first images if there are many."""
    words = " ".join(map(str, classes))
    return words if len(words) <= MOST_CELLS else f"{words[: MOST_CELLS - 3].rpartition(' ')[0]} ..."


def _answer_from_trials(
    run: RunDirectory, momenta: list[float], epochs: list[int], *, as_json: bool, debiased: bool, re_estimated: bool
) -> None:

    if epochs:
        raise InputError("--epoch: a recording was measured after its last epoch only", do="leave it out")
    rows = answers(run, momenta, debiased=debiased, re_estimated=re_estimated)
    if as_json:
        print_json({"format": FORMAT, "run": run.id, "answers": rows})
        return
    echo_text(f"{'momentum':<10}{'epoch':>6}  {'statistics':<13}{'accuracy':>9}  {'loss':<12}replay off by")
    for row in rows:
        named = f"{row['momentum']:g}" if row["statistics"] == "moving" else "-"
        accuracy, loss = rounded(row["evaluate"]["accuracy"]), rounded(row["evaluate"]["loss"])
        off = rounded(row["deviation"])
        echo_text(f"{named:<10}{row['epoch']:>6}  {row['statistics']:<13}{accuracy:>9}  {loss:<12}{off}")


def _momentum(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise InputError(f"--momentum: {one_line(text, 40)!r} is not a number from 0 to 1", do="for example 0.9")
    return value
