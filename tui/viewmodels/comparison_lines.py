"""Runs side by side as lines: legend, predictions, differences, and the matrix of verdicts."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from repro.base.text import one_line, rounded, share
from repro.runs.progress import Progress, prediction
from repro.runs.records import RunRecord
from repro.runs.summary import RunSummary
from tui.text import BAD, GOOD, ODD, QUIET, hanging, rows, table, word

if TYPE_CHECKING:
    from repro.base.difference import DifferenceRow
from repro.explain.compare import Comparison

SECTIONS = {
    "settings": "Settings",
    "measurements": "Measurements",
    "claims": "Claims",
    "seconds": "Seconds",
    "environment": "Environment, the likeliest cause first",
}
HEADING = "bold $text-accent"
LONGEST_CELL = 28
MOST_CELLS = 6
LONGEST_NAME, LONGEST_NAME_BELOW_100 = 36, 26  # the second: so that three runs have room
MOST_IMAGES = 12
MOST_ROWS_OF_A_GROUP = 40
MOST_SCENARIOS = 60
EDGES = 6
_HASH = re.compile(r"\b[0-9a-f]{40,64}\b")
# A hash says nothing more if the thing it stands for differs, too.
_IMPLIED = {"scenario_sha256": "scenario", "lock_sha256": "environment"}


@dataclass
class ComparedRun:
    """One run of a comparison, read."""

    summary: RunSummary
    record: RunRecord
    progress: Progress


def letter(index: int) -> str:
    """A, B, C ... names a run without colour."""
    return string.ascii_uppercase[index] if index < 26 else f"{index + 1}"


def legend(runs: Sequence[ComparedRun], styles: Sequence[str]) -> list[Content]:
    """Letter, name and verdict of each run; `styles`: those of the curves."""
    if not runs:
        return []
    summaries = [run.summary for run in runs]
    name = max(len(one_line(summary.scenario, 40)) for summary in summaries)
    place = max(len(one_line(summary.place, 40)) for summary in summaries)
    outcome = max(len(word(summary.outcome).content().plain) for summary in summaries)
    return [
        Content.assemble(
            (f"{letter(i)}  ", f"bold {styles[i % len(styles)]}"),
            (f"{one_line(summary.scenario, 40):<{name}}  ", "bold"),
            f"{one_line(summary.place, 40):<{place}}  ",
            word(summary.outcome).content(outcome + 2),
            (summary.short, QUIET),
        )
        for i, summary in enumerate(summaries)
    ]


def predictions(runs: Sequence[ComparedRun]) -> Content:
    """What each run predicts for each image; empty if there is nothing to compare."""
    if len(runs) < 2 or not any(run.progress.predictions and run.record.images for run in runs):
        return Content("")
    count = min(MOST_IMAGES, max(len(run.record.images) for run in runs))
    body: list[list[str | Content]] = []
    for i in range(count):
        images = [run.record.images[i] for run in runs if i < len(run.record.images)]
        names = dict.fromkeys(one_line(image.name, 20) for image in images)
        labels = dict.fromkeys(str(image.label) for image in images)
        body.append([" or ".join(names), " or ".join(labels), *(_predicted(run, i) for run in runs)])
    head = ["image", "label", *(letter(i) for i in range(len(runs)))]
    return rows([Content.styled("Predictions", HEADING), table(head, body), Content("")])


def _predicted(run: ComparedRun, image: int) -> Content:
    progress, images = run.progress, run.record.images
    latest = progress.predictions[max(progress.predictions)].probabilities if progress.predictions else []
    if image >= len(latest):
        return Content.styled("-", QUIET)
    predicted = prediction([latest[image]], None).classes[0]
    is_right = image < len(images) and images[image].label == predicted
    text = f"{'✓' if is_right else '✗'} class {predicted}  {share(latest[image][predicted])}"
    return Content.styled(text, GOOD if is_right else BAD)


def differences(comparison: Comparison | None, width: int, *, all_rows: bool) -> Content:
    """The rows of a comparison by section; of the equal ones only how many there are, unless `all_rows`."""
    if comparison is None:
        return Content("")
    shown = _shown_rows(comparison, all_rows=all_rows)
    lines: list[Content] = []
    for section, title in SECTIONS.items():
        part = [row for row in shown if row.section == section]
        if not part:
            continue
        lines.append(Content.styled(title, HEADING))
        if section == "environment":
            lines += _environment(part, width)
        else:
            lines.append(_table(part, _columns(part, width)))
        lines.append(Content(""))
    hidden = len(comparison.rows) - len(shown)
    if not shown:
        lines.append(Content.styled("Nothing differs.", GOOD))
    if hidden and not all_rows:
        lines.append(Content.styled(f"{hidden} rows are the same: a shows them", QUIET))
    return rows(lines)


def _shown_rows(comparison: Comparison, *, all_rows: bool) -> list[DifferenceRow]:
    """All rows, or those that differ and are not implied by another one."""
    if all_rows:
        return comparison.shown(all_rows=True)
    different = [row for row in comparison.shown(all_rows=False) if row.differs]
    names = {row.name for row in different}
    return [
        row
        for row in different
        if not row.name.startswith("predict.probabilities") and _IMPLIED.get(row.name) not in names
    ]


def _columns(part: Sequence[DifferenceRow], width: int) -> tuple[int, list[int]]:
    """Cells for the names and for each run's values, of rows below each other."""
    short = [cells for cells in ([_cell(value) for value in row.values] for row in part) if _is_short(cells)]
    widths = [max([1, *(len(cells[i]) for cells in short)]) for i in range(len(part[0].values))]
    longest = LONGEST_NAME if width >= 100 else LONGEST_NAME_BELOW_100
    return min(longest, max(len(one_line(row.name, 200)) for row in part)), widths


def _environment(part: Sequence[DifferenceRow], width: int) -> list[Content]:
    """Groups in their rank, each with its sentence."""
    lines: list[Content] = []
    columns = _columns(part, width)
    for group in dict.fromkeys(row.group for row in part):
        members = [row for row in part if row.group == group]
        why = next((row.why for row in members if row.why), "")
        sentence = Content.assemble((f"{one_line(group, 40)}  ", "bold"), (one_line(why, 300), QUIET))
        lines += hanging("", sentence, width - EDGES, indent=0)
        lines.append(_table(members[:MOST_ROWS_OF_A_GROUP], columns, head=False))
        if len(members) > MOST_ROWS_OF_A_GROUP:
            hidden = len(members) - MOST_ROWS_OF_A_GROUP
            lines.append(Content.styled(f"  and {hidden} more: repro compare shows all", QUIET))
        lines.append(Content(""))
    return lines[:-1]


def _table(part: Sequence[DifferenceRow], columns: tuple[int, list[int]], *, head: bool = True) -> Content:
    """Rows as a table; one whose values are long is written a run a line."""
    name, widths = columns
    lines: list[Content] = []
    if head:
        letters = "  ".join(f"{letter(i):<{width}}" for i, width in enumerate(widths))
        lines.append(Content.styled(" " * (name + 4) + letters.rstrip(), QUIET))
    for row in part:
        cells = [_cell(value) for value in row.values]
        mark = ("≠ ", ODD) if row.differs else ("  ", "")
        if _is_short(cells):
            text = "  ".join(f"{cell:<{widths[i]}}" for i, cell in enumerate(cells)).rstrip()
            lines.append(Content.assemble(mark, f"{_name(row, name):<{name}}  ", text))
        else:
            lines.append(Content.assemble(mark, one_line(row.name, 200)))
            lines += [Content.assemble((f"    {letter(i)}  ", QUIET), cell) for i, cell in enumerate(cells)]
    return rows(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return rounded(value)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return one_line("[" + ", ".join(_cell(item) for item in value) + "]", 200)
    return _HASH.sub(lambda match: f"{match[0][:12]}…", one_line(value, 200))


def _name(row: DifferenceRow, longest: int) -> str:
    """The row's name; of a long one the middle is left out, since both ends tell."""
    name = one_line(row.name, 200)
    return name if len(name) <= longest else f"{name[: longest // 2]}…{name[-(longest // 2 - 1) :]}"


def _is_short(cells: Sequence[str]) -> bool:
    return max(map(len, cells)) <= LONGEST_CELL and len(cells) <= MOST_CELLS


def matrix(runs: Sequence[RunSummary], environments: Sequence[str]) -> Content:
    """The last verdict of every scenario in every environment; `runs`: newest first."""
    used = [name for name in environments if any(run.environment == name for run in runs)]
    scenarios = sorted({run.scenario for run in runs if run.environment in used})
    if not scenarios:
        return Content.styled("nothing was run yet", QUIET)
    latest: dict[tuple[str, str], RunSummary] = {}
    for run in runs:
        key = (run.scenario, run.environment)
        if key not in latest or (latest[key].verdict is None and run.verdict is not None):
            latest[key] = run
    body: list[list[str | Content]] = [
        [one_line(scenario, 30), *(_verdict(latest.get((scenario, name))) for name in used)]
        for scenario in scenarios[:MOST_SCENARIOS]
    ]
    return table(["scenario", *used], body)


def _verdict(run: RunSummary | None) -> Content:
    return word(run.outcome).content() if run is not None else Content.styled("-", QUIET)
