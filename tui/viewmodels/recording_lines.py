"""A recording as lines of screens: on what data, every layer's difference between the phases, what was tried."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from repro.base.text import one_line, rounded, share
from repro.explain import recorded_words as words
from repro.runs import recorded_events as recorded
from repro.runs.directory import RunDirectory
from repro.runs.progress import Progress
from repro.runs.recorded_progress import FitEvidence
from tui.text import BAD, BAR, QUIET, bar, hanging, rows, table

MOST_DATA = 6
# Kinds of trials in the order in which they are shown, with their words.
TRIALS = {
    "momentum": "momentum",
    "debiased": "initial values taken out",
    "re-estimated": "re-estimated in one pass",
    "batch": "batches of",
    "stochastic": "dropout and the like on",
}


def fit_of(progress: Progress) -> FitEvidence | None:
    """The fit of a recording that is judged; None before there is one."""
    return progress.recorded.fit if progress.recorded is not None else None


def data(fit: FitEvidence | None, width: int) -> Content:
    """The facts of the data, never a value of it."""
    found = words.data(fit) if fit is not None else []
    if not found:
        return Content.styled("nothing is known of the data yet", QUIET)
    lines: list[Content] = []
    for row in found[:MOST_DATA]:
        lines.append(Content.styled(one_line(row.what, width), "bold"))
        for text in (row.shape, row.values, row.faults):
            lines += hanging("  ", Content.styled(one_line(text, 300), QUIET), width) if text else []
    if len(found) > MOST_DATA:
        lines.append(Content.styled(f"and {len(found) - MOST_DATA} more", QUIET))
    return rows(lines)


def layers(run: RunDirectory) -> Content:
    """How far each layer's output in training phase is from that in inference phase, the first that parts marked."""
    fit = fit_of(run.progress())
    phases = next((event for event in fit.phases if event.set_ == "fit"), None) if fit is not None else None
    if phases is None or not phases.layers:
        return Content.styled("the layers' outputs in both phases were not compared", QUIET)
    name = min(30, max(5, *(len(one_line(layer.name)) for layer in phases.layers)))
    lines = [Content.styled(f"  {'layer':<{name}}  {'class':<20}  output apart, in its own deviations", QUIET)]
    for index, layer in enumerate(phases.layers):
        is_first = index == phases.first
        distance = None if layer.distance is None else float(layer.distance)
        lines.append(
            Content.assemble(
                ("▶ " if is_first else "  ", f"bold {BAD}"),
                (f"{one_line(layer.name, name):<{name}}  ", "bold" if is_first else ""),
                (f"{one_line(layer.class_ or '-', 20):<20}  ", QUIET),
                (bar(distance, 8), BAR),
                f" {'called in one phase only' if distance is None else rounded(distance)}",
            )
        )
    return rows(lines)


def trials(fit: FitEvidence | None) -> Content:
    """What was tried in the program, at the weights that fit left; the momenta first."""
    if fit is None:
        return Content.styled("nothing was tried", QUIET)
    measured = {"as it is": fit.figures("inference"), "as in training phase": fit.figures("training")}
    body = [list(_figures(name, event)) for name, event in measured.items() if event is not None]
    made = [(kind, trial) for kind in TRIALS for trial in fit.trials_of(kind)]
    body += [list(_figures(_trial_name(kind, trial), trial)) for kind, trial in made]
    missing = dict.fromkeys(trial.reason for trial in fit.trials if not trial.available and trial.reason)
    if not body:
        return Content.styled("nothing was tried", QUIET)
    shown = table(("in inference phase with", "accuracy", "", "loss"), body, (3,))
    title = Content("Tried in the program, at the weights that fit left; nothing else can be asked of a recording.")
    lacking = [Content.styled(f"not tried: {one_line(reason, 200)}", QUIET) for reason in missing]
    return rows([title, Content(""), shown, *lacking])


def tried(run: RunDirectory) -> tuple[Content, list[str]]:
    """What was tried in a recorded program, and the command that prints the momenta; empty if none was tried."""
    fit = fit_of(run.progress())
    made = [] if fit is None else [f"{float(trial.momentum or 0.0):g}" for trial in fit.trials_of("momentum")]
    command = ["what-if", run.id.rpartition("-")[2], "--momentum", ",".join(made)]
    return trials(fit), command if made else []


def _trial_name(kind: str, trial: recorded.TrialMade) -> str:
    if kind == "momentum":
        return f"momentum {float(trial.momentum or 0.0):g}"
    return f"{TRIALS[kind]} {trial.batch_size}" if kind == "batch" else TRIALS[kind]


def _figures(name: str, event: recorded.Measured | recorded.TrialMade) -> Iterator[str | Content]:
    accuracy = event.right if event.right is not None else event.accuracy
    yield name
    yield "-" if accuracy is None else share(accuracy)
    yield Content.styled(bar(None if accuracy is None else float(accuracy), 10), BAR)
    yield rounded(event.loss, 6)
