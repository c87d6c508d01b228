"""`repro show`: one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from repro.base.errors import InputError
from repro.base.text import one_line, share, three_digits
from repro.cli.common import echo_text, json_option, open_store, print_json, store_option
from repro.cli.figures import run_text
from repro.explain import layers
from repro.explain.phrases import as_text
from repro.runs.directory import RunDirectory
from repro.runs.run_json import run_json
from repro.runs.view import RunView

_HEADINGS = (
    *("layer", "channels", "mean left", "var. left", "moving mean", "batch mean"),
    *("moving var.", "batch var.", "mean off", "std ratio"),
)


@click.command("show")
@click.argument("name", metavar="RUN")
@click.option("--layers", "with_layers", is_flag=True, help="Also every BatchNormalization layer, and what they say.")
@store_option
@json_option
def command(name: str, with_layers: bool, store: Path | None, as_json: bool) -> None:
    """Show one run: verdict, claims, figures. RUN: an id, a unique prefix, or `last`."""
    run = open_store(store).find(name)
    found = run_json(run)
    reports = layers.read(run) if with_layers and found["state"] != "damaged" else []
    if as_json:
        print_json(found | ({"layers": layers.as_json(reports)} if with_layers else {}))
    else:
        lines = [run_text(found), *_network(run)]
        echo_text("\n".join([*lines, *_layer_lines(reports)] if with_layers else lines))


def _network(run: RunDirectory) -> list[str]:
    """The line with the network that was trained, once it was built."""
    try:
        words = RunView(run).network
    except InputError:
        return []
    return [] if words is None else [f"  network         {words}"]


def _layer_lines(reports: Sequence[layers.LayerReport]) -> list[str]:
    """The layers after the last measured epoch as a table, below what they say about the run."""
    if not reports:
        return ["", "This run measured no BatchNormalization layer."]
    last = reports[-1]
    sentences = [*layers.summary(last), layers.batch_spread(last)]
    lines = ["", f"BatchNormalization layers after epoch {last.epoch}"]
    lines += [f"  {as_text(sentence)}" for sentence in sentences if sentence]
    if len(reports) > 1:
        earlier = ", ".join(str(report.epoch) for report in reports[:-1])
        lines.append(f"  --json also has the layers after epoch {earlier}.")
    return [*lines, "", *_table([_HEADINGS, *(_cells(layer) for layer in last.layers)])]


def _cells(layer: layers.Layer) -> tuple[str, ...]:
    drift, view = layer.drift, layer.inference
    statistics = (drift.moving_mean, drift.batch_mean, drift.moving_variance, drift.batch_variance)
    return (
        one_line(drift.name, 60),
        str(drift.channels),
        share(drift.mean),
        share(drift.variance),
        *map(three_digits, statistics),
        *(("-", "-") if view is None else (three_digits(view.mean_shift), three_digits(view.std_ratio))),
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with aligned columns: the first to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        row[0].ljust(widths[0]) + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
