"""Confusion matrix, precision and recall of result files, as Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.causes.measure import Entry
from benchmarks.causes.truth import CANNOT_BE_TOLD, CAUSES, NO_DISCREPANCY
from repro.sweep.rate import wilson

HEAD = """\
# Causes: what was measured

Written by `make causes` from the files of `benchmarks/causes/results/`; do not edit. Every program has one cause that
was proved with Keras alone (`benchmarks/causes/*/truth.yaml`). The first finding of `repro diagnose` counts.
*Precision*: of the causes named, the right ones. `cannot-be-told` names none; `no-discrepancy` names one only where
there is a fault. A cause that is true but not the first is neither right nor wrong. *Recall*: of the programs whose
truth is a cause, those where it was named first. Healthy programs run with several seeds, all others with one.
Intervals: 95 %, Wilson.
"""


def names_a_cause(entry: Entry) -> bool:
    """Whether the answer says that something is the cause of a fault, or that there is no fault where there is one."""
    if entry["answer"] == NO_DISCREPANCY:
        return not entry["healthy"]
    return entry["answer"] in CAUSES and entry["answer"] != CANNOT_BE_TOLD


def right(entry: Entry) -> bool:
    """Whether the first finding is the one expected."""
    return bool(entry["answer"] == entry["cause"])


def has_cause(entry: Entry) -> bool:
    """Whether there is a cause to be named."""
    return entry["cause"] not in (NO_DISCREPANCY, CANNOT_BE_TOLD)


def rate(held: int, counted: int) -> str:
    """For instance `9 of 10: 0.900 (0.596 to 0.982)`."""
    interval = wilson(held, counted)
    if interval is None:
        return "0 of 0"
    return f"{held} of {counted}: {held / counted:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def precision(entries: list[Entry]) -> tuple[int, int]:
    """Right causes named, and all causes named but those that are true beside the first."""
    named = [e for e in entries if names_a_cause(e) and (right(e) or e["answer"] not in e["also"])]
    return sum(map(right, named)), len(named)


def recall(entries: list[Entry]) -> tuple[int, int]:
    """Causes named first, and all that were to be named."""
    wanted = [e for e in entries if has_cause(e)]
    return sum(map(right, wanted)), len(wanted)


def unharmed(entries: list[Entry]) -> tuple[int, int]:
    """Runs of healthy programs of which no fault was said, and all of them."""
    healthy = [e for e in entries if e["healthy"]]
    return sum(right(e) or not names_a_cause(e) for e in healthy), len(healthy)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _grid(head: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _confusion(entries: list[Entry]) -> list[str]:
    count = Counter((e["cause"], e["answer"]) for e in entries)
    truths = [c for c in CAUSES if any(t == c for t, _ in count)]
    order = [*CAUSES, *sorted({a for _, a in count} - set(CAUSES))]
    answers = [a for a in order if any(b == a for _, b in count)]
    rows = [[t, *(str(count[t, a] or "") for a in answers)] for t in truths]
    return _grid(["truth \\ answer", *answers], rows)


def _share(held: int, counted: int) -> str:
    return f"{held} of {counted}" if counted else ""


def _by_cause(entries: list[Entry]) -> list[str]:
    rows = []
    for cause in CAUSES:
        truth = [e for e in entries if e["cause"] == cause]
        named = [e for e in entries if e["answer"] == cause and (names_a_cause(e) or e["cause"] == cause)]
        if truth or named:
            rows.append([cause, _share(sum(map(right, truth)), len(truth)), _share(sum(map(right, named)), len(named))])
    return _grid(["cause", "named first where it is true", "true where it is named"], rows)


def _groups(entries: list[Entry], key: Callable[[Entry], str]) -> list[str]:
    rows = []
    for name in sorted({key(e) for e in entries}):
        some = [e for e in entries if key(e) == name]
        rows.append([name, str(len(some)), _share(*precision(some)), _share(*recall(some)), _share(*unharmed(some))])
    return _grid(["environment", "runs", "precision", "recall", "no fault invented"], rows)


def section(file: Path) -> str:
    """All tables of one result file."""
    data = json.loads(file.read_text(encoding="utf-8"))
    entries = data["programs"]
    programs = {e["program"] for e in entries}
    slowest = max((r["seconds"] for e in entries for r in e["recordings"]), default=0.0)
    lines = [
        f"## {file.stem}",
        "",
        f"{len(programs)} programs, {len(entries)} runs, commit {(data['commit'] or 'unknown')[:9]}.",
        "",
        *_grid(
            ["figure", "rate"],
            [
                ["precision", rate(*precision(entries))],
                ["recall", rate(*recall(entries))],
                ["no fault invented in healthy programs", rate(*unharmed(entries))],
                ["`cannot-be-told` where that is the truth", rate(*_untold(entries))],
                ["slowest `diagnose`", f"{slowest:.1f} s"],
            ],
        ),
        "",
        *_confusion(entries),
        "",
        *_by_cause(entries),
        "",
        *_groups(entries, lambda e: str(e["environment"])),
        "",
    ]
    return "\n".join(lines)


def _untold(entries: list[Entry]) -> tuple[int, int]:
    untold = [e for e in entries if e["cause"] == CANNOT_BE_TOLD]
    return sum(map(right, untold)), len(untold)


def page(files: list[Path]) -> str:
    """The whole page."""
    return "\n".join([HEAD, *map(section, files)])
