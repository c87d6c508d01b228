"""Runs side by side: one table object, from which text, Markdown, CSV and JSON are made."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from repro.base.errors import InputError, printable
from repro.base.text import cell, cells, markdown
from repro.environment import diff
from repro.runs.events import Number, to_number
from repro.runs.records import ImageRecord
from repro.runs.view import Evidence

FORMAT = 1


@dataclass(frozen=True)
class Row:
    """One thing that the runs have in common or not; `values` in the order of the runs, None where there is none."""

    section: str
    name: str
    values: tuple[Any, ...]
    group: str = ""
    why: str = ""
    source: str = ""
    # Whether it can be the reason of a changed figure; None where that is no question.
    explains: bool | None = None
    # Timings differ between any two runs; they are shown, and nothing is concluded from them.
    always: bool = False

    @property
    def differs(self) -> bool:
        return not diff.same(self.values)

    @property
    def differences(self) -> list[Number | None]:
        """Each value minus the first one, None where that is not a number."""
        first = _as_number(self.values[0])
        others = [_as_number(value) for value in self.values[1:]]
        return [None if first is None or other is None else to_number(other - first) for other in others]


@dataclass(frozen=True)
class Comparison:
    """The whole table."""

    runs: list[str]
    labels: list[str]
    verdicts: list[str | None]
    rows: list[Row] = field(default_factory=list)

    @property
    def same_verdicts(self) -> bool:
        return len(set(self.verdicts)) == 1

    def shown(self, *, all_rows: bool) -> list[Row]:
        """The rows to print: those that differ, or all."""
        return [row for row in self.rows if all_rows or row.differs or row.always]


def compare(runs: Sequence[Evidence]) -> Comparison:
    """All rows of two or more runs."""
    table = Comparison([run.id for run in runs], _labels(runs), [run.verdict for run in runs])
    table.rows.extend(_settings(runs))
    table.rows.extend(_measurements(runs))
    table.rows.extend(_claims(runs))
    table.rows.extend(_timings(runs))
    table.rows.extend(_environment(runs))
    return table


def _labels(runs: Sequence[Evidence]) -> list[str]:
    """A short name per run, unique among them."""
    tails = [run.id.rpartition("-")[2] for run in runs]
    if len(set(tails)) == len(tails):
        return tails
    return [f"{tail}#{index + 1}" for index, tail in enumerate(tails)]


def _row(section: str, name: str, values: Sequence[Any], **more: Any) -> Row:
    return Row(section, name, tuple(values), **more)


def _settings(runs: Sequence[Evidence]) -> list[Row]:
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
    scenarios = [_scenario_settings(run) for run in runs]
    keys = dict.fromkeys(key for found in scenarios for key in found)
    rows += [_row("settings", key, [found.get(key) for found in scenarios]) for key in keys]
    return rows


def _package(run: Evidence) -> str:
    return f"{run.record.package_version} {run.record.commit or run.record.package_sha256}"


def _images(name: str, records: list[list[ImageRecord]]) -> list[Row]:
    """A row for each place in the order of the images."""
    lines = [[f"{one.name} (class {one.label}, pixels {one.pixels_sha256[:16]})" for one in found] for found in records]
    return [_row("settings", f"{name} {index}", values) for index, values in enumerate(itertools.zip_longest(*lines))]


def _scenario_settings(run: Evidence) -> dict[str, Any]:
    """The scenario's model, training and BatchNormalization settings as dotted keys; {} if there is none to read."""
    try:
        scenario = run.run.scenario()
    except InputError:
        return {}
    if scenario is None:
        return {}
    plain = msgspec.to_builtins(scenario)
    wanted = {key: plain[key] for key in ("images", "model", "batch_norm", "compile", "fit") if key in plain}
    wanted.get("images", {}).pop("directory", None)
    return diff.flatten(wanted)


def _measurements(runs: Sequence[Evidence]) -> list[Row]:
    found = [run.measurements for run in runs]
    rows = [
        _row("measurements", "state", [run.state for run in runs]),
        _row("measurements", "verdict", [run.verdict for run in runs]),
        _row("measurements", "degraded", [run.result.degraded if run.result is not None else None for run in runs]),
    ]
    epochs = [len(one.get("fit", {}).get("loss", [])) for one in found]
    rows.append(_row("measurements", "epochs", epochs))
    for name in ("fit.loss", "fit.accuracy"):
        curves = [one.get("fit", {}).get(name[4:], []) for one in found]
        rows.append(_row("measurements", name, [curve[-1] if curve else None for curve in curves]))
        rows.append(_row("measurements", f"{name}, first epoch that differs", [_first_difference(curves)] * len(runs)))
    for group in ("evaluate", "evaluate_training_phase", "validation"):
        for key in ("loss", "accuracy"):
            rows.append(_row("measurements", f"{group}.{key}", [_get(one, group, key) for one in found]))
    for key in ("accuracy", "distinct_classes", "classes"):
        rows.append(_row("measurements", f"predict.{key}", [_get(one, "predict", key) for one in found]))
    images = max((len(_get(one, "predict", "probabilities") or []) for one in found), default=0)
    for index in range(images):
        rows.append(
            _row("measurements", f"predict.probabilities[{index}]", [_probabilities(one, index) for one in found])
        )
    for key in ("updates", "momentum", "initial_weight", "moving_to_batch_distance"):
        rows.append(_row("measurements", f"batch_norm.{key}", [_get(one, "batch_norm", key) for one in found]))
    rows.append(_row("measurements", "weights_sha256", [one.get("weights_sha256") for one in found]))
    return [row for row in rows if any(value is not None for value in row.values)]


def _first_difference(curves: list[list[Number]]) -> int | None:
    """The first epoch, counted from 1, at which the curves differ; None where they do not, as far as all of them go."""
    for index, values in enumerate(zip(*curves, strict=False)):
        if not diff.same(values):
            return index + 1
    return None


def _get(measurements: dict[str, Any], group: str, key: str) -> Any:
    found = measurements.get(group)
    return found.get(key) if isinstance(found, dict) else None


def _probabilities(measurements: dict[str, Any], index: int) -> Any:
    found = _get(measurements, "predict", "probabilities") or []
    return found[index] if index < len(found) else None


def _claims(runs: Sequence[Evidence]) -> list[Row]:
    by_run = [{claim.id: claim for claim in run.result.claims} if run.result is not None else {} for run in runs]
    rows = []
    for claim_id in dict.fromkeys(key for claims in by_run for key in claims):
        claims = [one.get(claim_id) for one in by_run]
        rows.append(_row("claims", claim_id, [claim.outcome if claim is not None else None for claim in claims]))
    return rows


def _timings(runs: Sequence[Evidence]) -> list[Row]:
    found = [run.result.seconds if run.result is not None else {} for run in runs]
    names = dict.fromkeys(name for seconds in found for name in seconds)
    return [
        _row("seconds", name, [_milliseconds(seconds.get(name)) for seconds in found], always=True) for name in names
    ]


def _milliseconds(seconds: Any) -> Any:
    number = _as_number(seconds)
    return seconds if number is None or not math.isfinite(number) else round(number, 3)


def _environment(runs: Sequence[Evidence]) -> list[Row]:
    return [
        Row("environment", row.key, row.values, row.group, row.why, row.source, row.explains)
        for row in diff.rows([run.facts_record for run in runs])
    ]


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


def difference_cell(row: Row) -> str:
    """The differences to the first run, signed; empty where there is nothing to subtract."""
    found = [difference for difference in row.differences if difference is not None]
    if not row.differs or not found:
        return ""
    return ", ".join(_signed(difference) for difference in row.differences)


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
    lines = ["runs", *(f"  {printable(line)}" for line in head)]
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


def _section(rows: list[Row], labels: list[str], width: int) -> list[str]:
    names = [printable(row.name) for row in rows]
    shown = [cells(row.values) for row in rows]
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
            shown = [markdown(value) for value in cells(row.values)]
            lines.append("| " + " | ".join([markdown(printable(row.name)), *shown, markdown(note)]) + " |")
    words = "The verdicts are the same" if table.same_verdicts else "**The verdicts are not the same**"
    lines += ["", f"{words}: " + ", ".join(markdown(verdict or "none") for verdict in table.verdicts) + "."]
    return "\n".join(lines)


def _tick(text: str) -> str:
    return printable(text).replace("`", "'")


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
    text = cell(value, whole=True)
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
                "differences": row.differences,
                "group": row.group or None,
                "why": row.why or None,
                "source": row.source or None,
                "explains": row.explains,
            }
            for row in table.shown(all_rows=all_rows)
        ],
    }
