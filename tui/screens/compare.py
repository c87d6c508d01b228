"""Compare: any number of runs side by side; by default only what differs; a matrix of the verdicts."""

from __future__ import annotations

import contextlib
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from repro.base.errors import ReproError
from repro.runs.directory import RunDirectory
from repro.runs.progress import Progress, prediction
from repro.runs.records import RunRecord
from tui.commands import show, store_option
from tui.screens.base import ReproScreen, key
from tui.text import BAD, GOOD, ODD, QUIET, hanging, number, plain, rows, share, table, word
from tui.viewmodels.summary import Summary
from tui.widgets.curve import STYLES, Curve, Series

if TYPE_CHECKING:
    from repro.explain.compare import Comparison, Row

SECTIONS = {
    "settings": "Settings",
    "measurements": "Measurements",
    "claims": "Claims",
    "seconds": "Seconds",
    "environment": "Environment, the likeliest cause first",
}
LONGEST_CELL = 28
LONGEST_NAME, LONGEST_NAME_HERE = 36, 26  # the second: below 100 columns, so that three runs have room
_HASH = re.compile(r"\b[0-9a-f]{40,64}\b")
# A hash says nothing more where the thing it stands for differs, too.
_IMPLIED = {"scenario_sha256": "scenario", "lock_sha256": "environment"}


def letter(index: int) -> str:
    """A, B, C ... names a run without colour."""
    return string.ascii_uppercase[index] if index < 26 else f"{index + 1}"


@dataclass
class Side:
    """One run of the comparison."""

    summary: Summary
    record: RunRecord
    progress: Progress


@dataclass
class Sides:
    """What was read for a comparison."""

    sides: list[Side] = field(default_factory=list)
    comparison: Comparison | None = None
    faults: list[str] = field(default_factory=list)


class CompareScreen(ReproScreen):
    """The marked runs."""

    HERE = "compare"
    CSS_PATH = "compare.tcss"
    HELP = (
        "The marked runs side by side. Each has a letter, which stands along its curve. Only what differs is shown; a "
        "shows all. Differences of the environment come with the likeliest cause first. Below: the last verdict of "
        "every scenario in every environment. Mark runs with space in 2 Runs, or c on a run."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "comparison": "The comparison as a page: arrows and the page keys scroll it, also sideways.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("a", "all", "All rows", "compare.all", "Show all rows or only what differs"),
        key("x", "unmark", "Unmark", "compare.unmark", "Unmark the last run"),
        key("m", "matrix", "Matrix", "compare.matrix", "Go to the matrix of verdicts"),
        key("f", "file", "Copy table", "compare.write", "Copy the comparison as Markdown, to a file too"),
        key("escape", "back", "Runs", "compare.back", "Go to the list of runs", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.all_rows = False
        self._read: Sides | None = None
        self._for: tuple[object, ...] | None = None

    def body(self) -> ComposeResult:
        with VerticalScroll(id="comparison"):
            yield Static("", id="legend", markup=False)
            with Horizontal(id="overlay"):
                yield Curve("Loss in fit", log=True, id="loss")
                yield Curve("Accuracy in fit", fixed=(0.0, 1.0), id="accuracy")
            yield Static("", id="predictions", markup=False)
            yield Static("", id="differences", markup=False)
            yield Static("Last verdicts", classes="section", id="matrix-title")
            yield Static("", id="matrix", markup=False)

    def on_mount(self) -> None:
        self.query_one("#comparison").focus()
        self.store_changed()

    def store_changed(self) -> None:
        if not self.is_composed:
            return
        self.query_one("#matrix", Static).update(self._matrix())
        marked = [self.repro.summaries[run_id] for run_id in self.repro.marked if run_id in self.repro.summaries]
        print_ = tuple((one.id, one.state, one.epoch) for one in marked)
        if print_ != self._for:
            self._for = print_
            self._load(marked)
        words = [one.short or one.id for one in marked]
        flag = ["--all-rows"] if self.all_rows else []
        self.show_command(show(["compare", *words, *flag, *store_option(self.repro.store_path)]))

    @work(thread=True, exclusive=True)
    def _load(self, marked: Sequence[Summary]) -> None:
        found = Sides()
        for summary in marked:
            run = self.repro.run_directory(summary.id)
            try:
                found.sides.append(Side(summary, run.record(), run.progress()))
            except (ReproError, OSError) as error:
                found.faults.append(str(error))
        if len(found.sides) > 1:
            found.comparison = self._compare([self.repro.run_directory(side.summary.id) for side in found.sides], found)
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._loaded, found)

    @staticmethod
    def _compare(runs: list[RunDirectory], found: Sides) -> Comparison | None:
        from repro.explain.compare import compare
        from repro.runs.view import Evidence

        try:
            return compare([Evidence(run) for run in runs])
        except (ReproError, OSError) as error:
            found.faults.append(str(error))
            return None

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self._draw)

    def _loaded(self, found: Sides) -> None:
        if self.is_composed:
            self._read = found
            self._draw()
            self.refresh_bindings()

    # -- drawing

    def _draw(self) -> None:
        found = self._read
        if found is None or not self.is_composed:
            return
        sides = found.sides
        legend = self.query_one("#legend", Static)
        lines = [Content.styled(plain(fault, 300), BAD) for fault in found.faults]
        if len(sides) < 2:
            lines.append(
                Content.styled(
                    "Mark two runs or more: space in 2 Runs, or c on a run."
                    if not sides
                    else "One run is marked; mark another.",
                    QUIET,
                )
            )
        lines += self._legend(sides)
        legend.update(rows(lines))
        self.query_one("#overlay").display = bool(sides)
        epochs = max([len(side.progress.loss) for side in sides] or [0])
        for name in ("loss", "accuracy"):
            series = [
                Series(
                    side.summary.id,
                    [float(v) for v in getattr(side.progress, name)],
                    letter(i) if len(sides) > 1 else "",
                )
                for i, side in enumerate(sides)
            ]
            self.query_one(f"#{name}", Curve).show(series, epochs)
        for name, content in (
            ("#predictions", self._predictions(sides)),
            ("#differences", self._differences(found.comparison)),
        ):
            place = self.query_one(name, Static)
            place.update(content)
            place.display = bool(content.plain)

    @staticmethod
    def _legend(sides: Sequence[Side]) -> list[Content]:
        if not sides:
            return []
        name = max(len(plain(side.summary.scenario, 40)) for side in sides)
        environment = max(len(plain(side.summary.environment, 20)) for side in sides)
        seed = max(len(str(side.summary.seed)) for side in sides)
        outcome = max(len(word(side.summary.outcome).content().plain) for side in sides)
        return [
            Content.assemble(
                (f"{letter(i)}  ", f"bold {STYLES[i % len(STYLES)]}"),
                (f"{plain(side.summary.scenario, 40):<{name}}  ", "bold"),
                f"{plain(side.summary.environment, 20):<{environment}}  seed {side.summary.seed:<{seed}}  ",
                word(side.summary.outcome).content(outcome + 2),
                (side.summary.short, QUIET),
            )
            for i, side in enumerate(sides)
        ]

    @staticmethod
    def _predictions(sides: Sequence[Side]) -> Content:
        known = [side for side in sides if side.progress.predictions]
        if len(sides) < 2 or not known:
            return Content("")
        most = min(12, max(len(side.record.images) for side in sides))
        body = []
        for i in range(most):
            images = [side.record.images[i] for side in sides if i < len(side.record.images)]
            names = dict.fromkeys(plain(image.name, 20) for image in images)
            labels = dict.fromkeys(str(image.label) for image in images)
            cells: list[str | Content] = [" or ".join(names), " or ".join(labels)]
            for side in sides:
                cells.append(_predicted(side, i))
            body.append(cells)
        head = ["image", "label", *(letter(i) for i in range(len(sides)))]
        return rows([Content.styled("Predictions", "bold $text-accent"), table(head, body), Content("")])

    def _differences(self, comparison: Comparison | None) -> Content:
        if comparison is None:
            return Content("")
        shown = [row for row in comparison.shown(all_rows=self.all_rows) if self.all_rows or row.differs]
        if not self.all_rows:
            names = {row.name for row in shown}
            shown = [
                row
                for row in shown
                if not row.name.startswith("predict.probabilities") and _IMPLIED.get(row.name) not in names
            ]
        lines: list[Content] = []
        for section, title in SECTIONS.items():
            part = [row for row in shown if row.section == section]
            if not part:
                continue
            lines.append(Content.styled(title, "bold $text-accent"))
            if section == "environment":
                lines += self._environment(part)
            else:
                lines.append(_table(part, self._columns(part)))
            lines.append(Content(""))
        hidden = len(comparison.rows) - len(shown)
        if not shown:
            lines.append(Content.styled("Nothing differs.", GOOD))
        if hidden and not self.all_rows:
            lines.append(Content.styled(f"{hidden} rows are the same: a shows them", QUIET))
        return rows(lines)

    def _columns(self, part: Sequence[Row]) -> tuple[int, list[int]]:
        """Cells for the names and for each run's values, of rows that stand below each other."""
        short = [cells for cells in ([_cell(value) for value in row.values] for row in part) if _is_short(cells)]
        widths = [max([1, *(len(cells[i]) for cells in short)]) for i in range(len(part[0].values))]
        most = LONGEST_NAME if self.size.width >= 100 else LONGEST_NAME_HERE
        return min(most, max(len(plain(row.name, 200)) for row in part)), widths

    def _environment(self, part: Sequence[Row]) -> list[Content]:
        """Groups in their rank, each with its sentence."""
        lines: list[Content] = []
        columns = self._columns(part)
        for group in dict.fromkeys(row.group for row in part):
            members = [row for row in part if row.group == group]
            why = next((row.why for row in members if row.why), "")
            said = Content.assemble((f"{plain(group, 40)}  ", "bold"), (plain(why, 300), QUIET))
            lines += hanging("", said, self.size.width - 6, indent=0)
            lines.append(_table(members[:40], columns, head=False))
            if len(members) > 40:
                lines.append(Content.styled(f"  and {len(members) - 40} more: repro compare shows all", QUIET))
            lines.append(Content(""))
        return lines[:-1]

    def _matrix(self) -> Content:
        runs = self.repro.runs()
        environments = [e for e in self.repro.environments if any(run.environment == e for run in runs)]
        scenarios = sorted({run.scenario for run in runs if run.environment in environments})
        if not scenarios:
            return Content.styled("nothing was run yet", QUIET)
        last: dict[tuple[str, str], Summary] = {}
        for run in runs:
            if run.verdict is not None or (run.scenario, run.environment) not in last:
                held = last.get((run.scenario, run.environment))
                if held is None or held.verdict is None:
                    last[run.scenario, run.environment] = run
        body: list[list[str | Content]] = []
        for scenario in scenarios[:60]:
            cells: list[str | Content] = [plain(scenario, 30)]
            for environment in environments:
                found = last.get((scenario, environment))
                cells.append(word(found.outcome).content() if found else Content.styled("-", QUIET))
            body.append(cells)
        return table(["scenario", *environments], body)

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own name
        """Keys that make no sense now are shown as such."""
        if action in ("all", "file"):
            return True if self._read is not None and self._read.comparison is not None else None
        if action == "unmark":
            return True if self.repro.marked else None
        return True

    def action_all(self) -> None:
        """All rows, or only what differs."""
        self.all_rows = not self.all_rows
        self.store_changed()
        self._draw()

    def action_unmark(self) -> None:
        """Take the last run out."""
        if self.repro.marked:
            self.repro.marked.pop()
            self.store_changed()

    def action_matrix(self) -> None:
        """Go to the matrix."""
        self.query_one("#comparison", VerticalScroll).scroll_to_widget(
            self.query_one("#matrix-title"), animate=False, top=True
        )

    def action_back(self) -> None:
        """The list of runs."""
        self.repro.action_go("runs")

    def action_file(self) -> None:
        """The comparison as Markdown, in the clipboard and a file."""
        if self._read is None or self._read.comparison is None:
            return
        from repro.explain.compare import as_markdown

        self.repro.copy_out(as_markdown(self._read.comparison, all_rows=self.all_rows), "the comparison as Markdown")


def _predicted(side: Side, image: int) -> Content:
    if not side.progress.predictions:
        return Content.styled("-", QUIET)
    latest = side.progress.predictions[max(side.progress.predictions)]
    if image >= len(latest.probabilities):
        return Content.styled("-", QUIET)
    chosen = prediction([latest.probabilities[image]], None)["classes"][0]
    right = image < len(side.record.images) and side.record.images[image].label == chosen
    of = share(latest.probabilities[image][chosen])
    return Content.styled(f"{'✓' if right else '✗'} class {chosen}  {of}", GOOD if right else BAD)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return plain("[" + ", ".join(_cell(item) for item in value) + "]", 200)
    return _HASH.sub(lambda found: f"{found[0][:12]}…", plain(value, 200))


def _name(row: Row, most: int) -> str:
    """The row's name; of a long one the middle is left out, since both ends tell."""
    name = plain(row.name, 200)
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"


def _is_short(cells: Sequence[str]) -> bool:
    return max(map(len, cells)) <= LONGEST_CELL and len(cells) <= 6


def _table(part: Sequence[Row], columns: tuple[int, list[int]], *, head: bool = True) -> Content:
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
            lines.append(Content.assemble(mark, plain(row.name, 200)))
            lines += [Content.assemble((f"    {letter(i)}  ", QUIET), cell) for i, cell in enumerate(cells)]
    return rows(lines)
