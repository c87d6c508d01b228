"""Runs side by side: one table object, from which text, Markdown, CSV and JSON are made."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET

from repro.base.difference import DifferenceRow, all_equal
from repro.base.errors import InputError
from repro.base.text import exact, exact_row, markdown, one_line
from repro.environment import diff
from repro.environment.facts import flatten
from repro.explain.diagnosis import diagnose
from repro.explain.recorded_words import settings
from repro.runs.event_base import Number
from repro.runs.events import to_number
from repro.runs.records import Drift
from repro.runs.view import RunView
from repro.scenario.image_record import ImageRecord

FORMAT = 1
MOST_PROBABILITIES = 12  # images whose probabilities are compared one by one


@dataclass(frozen=True)
class Comparison:
    """The whole table."""

    runs: list[str]
    labels: list[str]
    verdicts: list[str | None]
    rows: list[DifferenceRow] = field(default_factory=list)

    @property
    def same_verdicts(self) -> bool:
        return len(set(self.verdicts)) == 1

    def shown(self, *, all_rows: bool) -> list[DifferenceRow]:
        """The rows to print: those that differ, or all."""
        return [row for row in self.rows if all_rows or row.differs or row.always]


def compare(runs: Sequence[RunView]) -> Comparison:
    """All rows of two or more runs."""
    table = Comparison([run.id for run in runs], _labels(runs), [run.verdict for run in runs])
    table.rows.extend(_settings(runs))
    table.rows.extend(_measurements(runs))
    table.rows.extend(_claims(runs))
    table.rows.extend(_timings(runs))
    table.rows.extend(_environment(runs))
    return table


def _labels(runs: Sequence[RunView]) -> list[str]:
    """A short name per run, unique among them."""
    tails = [run.id.rpartition("-")[2] for run in runs]
    if len(set(tails)) == len(tails):
        return tails
    return [f"{tail}#{index + 1}" for index, tail in enumerate(tails)]


def _row(section: str, name: str, values: Sequence[Any], **more: Any) -> DifferenceRow:
    return DifferenceRow(section, name, tuple(values), **more)


def _settings(runs: Sequence[RunView]) -> list[DifferenceRow]:
    names = ("scenario", "environment", "seed", "device", "threads", "deterministic", "derived_from")
    rows = [_row("settings", name, [getattr(run.record, name) for run in runs]) for name in names]
    rows += [
        _row("settings", "scenario_sha256", [run.record.scenario_sha256 for run in runs]),
        _row("settings", "lock_sha256", [run.record.lock_sha256 for run in runs]),
        _row("settings", "package", [_package(run) for run in runs]),
        _row("settings", "drift", [list(run.record.drift) for run in runs]),
    ]
    rows += _images("image", [run.record.images for run in runs])
    rows += _images("validation image", [run.record.validation_images for run in runs])
    scenarios = [_recorded_settings(run) if run.is_recording else _scenario_settings(run) for run in runs]
    keys = dict.fromkeys(key for found in scenarios for key in found)
    rows += [_row("settings", key, [found.get(key) for found in scenarios]) for key in keys]
    return rows


def _package(run: RunView) -> str:
    return f"{run.record.package_version} {run.record.commit or run.record.package_sha256}"


def _images(name: str, records: list[list[ImageRecord]]) -> list[DifferenceRow]:
    """A row for each place in the order of the images."""
    lines = [[f"{one.name} (class {one.label}, pixels {one.pixels_sha256[:16]})" for one in found] for found in records]
    return [_row("settings", f"{name} {index}", values) for index, values in enumerate(itertools.zip_longest(*lines))]


def _scenario_settings(run: RunView) -> dict[str, Any]:
    """The scenario's settings of the training, or its program, as dotted keys; {} if there is none to read."""
    try:
        scenario = run.run.scenario()
    except InputError:
        return {}
    if scenario is None:
        return {}
    plain = msgspec.to_builtins(scenario)
    keys = ("images", "model", "batch_norm", "compile", "fit", "script", "printed", "training")
    wanted = {key: plain[key] for key in keys if key in plain}
    if run.record.script is not UNSET:
        wanted["script"] = {**wanted["script"], "sha256": {file.name: file.sha256 for file in run.record.script.files}}
    wanted.get("images", {}).pop("directory", None)
    return flatten(wanted)


def _recorded_settings(run: RunView) -> dict[str, Any]:
    """A recording's program, its training and its data as dotted keys."""
    return {f"recorded.{name}": value for name, value in settings(run.recorded, run.progress.recorded)}


def _diagnosis(run: RunView) -> str | None:
    """The first cause of a recording; None for a run of a scenario, which claims something instead."""
    return diagnose(run.run)[0].cause if run.is_recording else None


def _measurements(runs: Sequence[RunView]) -> list[DifferenceRow]:
    figures = [run.figures for run in runs]

    def row(name: str) -> DifferenceRow:
        return _row("measurements", name, [measurements.figure(name) for measurements in figures])

    rows = [
        _row("measurements", "state", [run.state for run in runs]),
        _row("measurements", "verdict", [run.verdict for run in runs]),
        _row("measurements", "diagnosis", [_diagnosis(run) for run in runs]),
        _row("measurements", "degraded", [run.result.degraded if run.result is not None else None for run in runs]),
        _row("measurements", "epochs", [len(measurements.fit.loss) for measurements in figures]),
    ]
    for name in ("fit.loss", "fit.accuracy"):
        curves = [measurements.figure(name) for measurements in figures]
        rows.append(_row("measurements", name, [curve[-1] if curve else None for curve in curves]))
        rows.append(_row("measurements", f"{name}, first epoch that differs", [_first_difference(curves)] * len(runs)))
    for group in ("evaluate", "inference", "evaluate_training_phase", "validation"):
        rows += [row(f"{group}.{key}") for key in ("loss", "accuracy")]
    rows += [row(f"predict.{key}") for key in ("accuracy", "distinct_classes", "classes")]
    probabilities = [measurements.figure("predict.probabilities") or [] for measurements in figures]
    rows += _probabilities(probabilities)
    rows += [row(f"batch_norm.{key}") for key in Drift.__struct_fields__]
    rows.append(row("weights_sha256"))
    printed = [{} if measurements.printed is UNSET else measurements.printed for measurements in figures]
    rows += [row(f"printed.{name}") for name in dict.fromkeys(name for numbers in printed for name in numbers)]
    return [row for row in rows if any(value is not None for value in row.values)]


def _probabilities(of_runs: list[list[Any]]) -> list[DifferenceRow]:
    """A row an image; of many images only how many differ from those of the first run."""
    if max(map(len, of_runs), default=0) <= MOST_PROBABILITIES:
        images = enumerate(itertools.zip_longest(*of_runs))
        return [_row("measurements", f"predict.probabilities[{index}]", values) for index, values in images]
    first = of_runs[0]
    differing = [
        None if not given else sum(not all_equal(pair) for pair in itertools.zip_longest(first, given))
        for given in of_runs
    ]
    return [_row("measurements", "predict.probabilities, images that differ from the first run", differing)]


def _first_difference(curves: list[list[Number]]) -> int | None:
    """The first epoch, counted from 1, at which the curves differ; None where they do not, as far as all of them go."""
    for index, values in enumerate(zip(*curves, strict=False)):
        if not all_equal(values):
            return index + 1
    return None


def _claims(runs: Sequence[RunView]) -> list[DifferenceRow]:
    by_run = [{claim.id: claim for claim in run.result.claims} if run.result is not None else {} for run in runs]
    rows = []
    for claim_id in dict.fromkeys(key for claims in by_run for key in claims):
        claims = [one.get(claim_id) for one in by_run]
        rows.append(_row("claims", claim_id, [claim.outcome if claim is not None else None for claim in claims]))
    return rows


def _timings(runs: Sequence[RunView]) -> list[DifferenceRow]:
    found = [run.result.seconds if run.result is not None else {} for run in runs]
    names = dict.fromkeys(name for seconds in found for name in seconds)
    return [
        _row("seconds", name, [_milliseconds(seconds.get(name)) for seconds in found], always=True) for name in names
    ]


def _milliseconds(seconds: Any) -> Any:
    number = _as_number(seconds)
    return seconds if number is None or not math.isfinite(number) else round(number, 3)


def _environment(runs: Sequence[RunView]) -> list[DifferenceRow]:
    return diff.rows([run.facts_record for run in runs])


def numeric_differences(row: DifferenceRow) -> list[Number | None]:
    """Return each value after the first one minus the first one, None for what is not a number."""
    first, *others = map(_as_number, row.values)
    return [None if first is None or value is None else to_number(value - first) for value in others]


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return None
    return float(value) if value in ("nan", "inf", "-inf") else None


# --- the table as text ------------------------------------------------------------------------------------------------


def difference_cell(row: DifferenceRow) -> str:
    """Return the differences to the first run, signed; an empty text if there is nothing to subtract."""
    differences = numeric_differences(row)
    if not row.differs or all(difference is None for difference in differences):
        return ""
    return ", ".join(map(_signed, differences))


def _signed(difference: Number | None) -> str:
    if difference is None:
        return "-"
    if isinstance(difference, str):
        return difference
    text = f"{difference:+.3g}"
    return text if difference else "0"


def as_text(table: Comparison, *, all_rows: bool, width: int = 100) -> str:
    """Columns for a terminal; a row that is too wide is written one run a line, very long values from where they
    differ."""
    import textwrap

    head = [f"{label}  {run}" for label, run in zip(table.labels, table.runs, strict=True)]
    lines = ["runs", *(f"  {one_line(line)}" for line in head)]
    rows = table.shown(all_rows=all_rows)
    for section in dict.fromkeys(row.section for row in rows):
        part = [row for row in rows if row.section == section]
        lines += ["", section]
        lines += _section(part, table.labels, width)
    if not any(row.differs for row in rows):
        lines += ["", "nothing differs but the time"]
    words = "the same" if table.same_verdicts else "NOT the same"
    lines += ["", f"verdicts are {words}: " + ", ".join(verdict or "none" for verdict in table.verdicts)]
    explained = dict.fromkeys((row.group, row.why, row.source) for row in rows if row.explains and row.differs)
    if explained:
        lines += ["", "what of the environment's differences can be the reason, the likeliest first"]
        for group, why, source in explained:
            lines += textwrap.wrap(f"{group}: {why} ({source})", width, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def _section(rows: list[DifferenceRow], labels: list[str], width: int) -> list[str]:
    names = [one_line(row.name) for row in rows]
    shown = [exact_row(row.values) for row in rows]
    name_width = min(44, max(len(name) for name in names))
    room = (width - name_width - 4) // len(labels) - 2
    columns = [
        max([len(labels[index]), *(len(row[index]) for row in shown if max(map(len, row)) <= room)])
        for index in range(len(labels))
    ]
    fits = any(max(map(len, row)) <= room for row in shown)
    lines = []
    if fits:
        header = "  ".join(label.ljust(size) for label, size in zip(labels, columns, strict=True))
        lines.append(f"  {'':<{name_width}}  {header}".rstrip())
    for row, name, values in zip(rows, names, shown, strict=True):
        extra = difference_cell(row)
        note = f"  ({extra})" if extra else ""
        if fits and max(map(len, values)) <= room:
            padded = "  ".join(value.ljust(size) for value, size in zip(values, columns, strict=True))
            lines.append(f"  {name:<{name_width}}  {padded}{note}".rstrip())
        else:
            lines.append(f"  {name}{note}")
            wide = max(len(label) for label in labels)
            lines += [f"    {label:<{wide}}  {value}" for label, value in zip(labels, values, strict=True)]
    return lines


def as_markdown(table: Comparison, *, all_rows: bool) -> str:
    """One Markdown table a section."""
    rows = table.shown(all_rows=all_rows)
    lines = [f"- `{_tick(label)}`: `{_tick(run)}`" for label, run in zip(table.labels, table.runs, strict=True)]
    for section in dict.fromkeys(row.section for row in rows):
        part = [row for row in rows if row.section == section]
        with_why = section == "environment"
        last = "why it can matter" if with_why else "difference"
        lines += ["", f"### {section}", ""]
        lines.append("| | " + " | ".join(markdown(label) for label in table.labels) + f" | {last} |")
        lines.append("|---" * (len(table.labels) + 2) + "|")
        for row in part:
            note = f"{row.group}: {row.why} ({row.source})" if with_why else difference_cell(row)
            shown = [markdown(value) for value in exact_row(row.values)]
            lines.append("| " + " | ".join([markdown(one_line(row.name)), *shown, markdown(note)]) + " |")
    words = "The verdicts are the same" if table.same_verdicts else "**The verdicts are not the same**"
    lines += ["", f"{words}: " + ", ".join(markdown(verdict or "none") for verdict in table.verdicts) + "."]
    return "\n".join(lines)


def _tick(text: str) -> str:
    return one_line(text).replace("`", "'")


def as_csv(table: Comparison, *, all_rows: bool) -> str:
    """Comma-separated values with a head line, none cut; text that a spreadsheet would take for a formula gets an
    apostrophe."""
    import csv
    import io

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["section", "name", *map(_plain, table.runs), "differs", "group", "why", "source"])
    for row in table.shown(all_rows=all_rows):
        values = ["" if value is None else _plain(value) for value in row.values]
        tail = ["yes" if row.differs else "no", row.group, row.why, row.source]
        writer.writerow([row.section, _plain(row.name), *values, *tail])
    return stream.getvalue().rstrip("\n")


def _plain(value: Any) -> str:
    text = exact(value, limit=None)
    if _as_number(value) is None and text and text[0] in "=+-@":
        return "'" + text
    return text


def as_json(table: Comparison, *, all_rows: bool) -> dict[str, Any]:
    """The table as one object."""
    return {
        "format": FORMAT,
        "runs": table.runs,
        "verdicts": table.verdicts,
        "same_verdicts": table.same_verdicts,
        "rows": [
            {
                "section": row.section,
                "name": row.name,
                "values": list(row.values),
                "differs": row.differs,
                "differences": numeric_differences(row),
                "group": row.group or None,
                "why": row.why or None,
                "source": row.source or None,
                "explains": row.explains,
            }
            for row in table.shown(all_rows=all_rows)
        ],
    }
