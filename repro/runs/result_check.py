"""Whether a finished run's result follows from its records and figures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from repro.base.text import one_line
from repro.runs import layout
from repro.runs.event_base import Number
from repro.runs.events import to_number
from repro.runs.program_figures import measurements
from repro.runs.records import ClaimResult, Measurements, Result, RunRecord
from repro.runs.verdict import decide_all, verdict
from repro.runs.view import RunView
from repro.scenario.printed import TAIL_BYTES, find
from repro.scenario.script_types import AnyScenario, ScriptScenario
from repro.scenario.types import Scenario


def contradiction(view: RunView, result: Result, scenario: AnyScenario, *, with_text: bool = False) -> str | None:
    """Return what contradicts `result`, in words; None if it follows from run.json, the events and the scenario.

    `with_text`: the words of its claims too, which another version may have put otherwise.
    """
    record = view.record
    if not _is_of(result, record):
        return "result.json belongs to another run"
    probabilities = result.figures.figure("predict.probabilities") or []
    if isinstance(scenario, Scenario) and _are_of_others(probabilities, scenario, record):
        return "its predictions do not fit its scenario"
    if isinstance(scenario, ScriptScenario) and (name := _misprinted(view, result, scenario)):
        return f"printed.{name} is not what its {layout.WORKER_LOG} says"
    if figure := _unlogged_figure(result, _logged(view, result, scenario)):
        return f"{figure} is not what its events.jsonl says"
    try:
        claims = decide_all(scenario, result.figures, record.environment)
    except (TypeError, ValueError, OverflowError):
        return "its measurements cannot be read"
    if _comparable(claims, with_text=with_text) != _comparable(result.claims, with_text=with_text):
        return "its claims do not follow from its measurements"
    if result.verdict != verdict(claims):
        return f"its verdict {one_line(str(result.verdict), 40)} does not follow from its measurements"
    return None


def _are_of_others(probabilities: Sequence[Sequence[Number]], scenario: Scenario, record: RunRecord) -> bool:
    """Return whether probabilities (images, classes) are not those of the images that were trained on."""
    is_wide = any(len(row) != scenario.model.classes for row in probabilities)
    return is_wide or (bool(probabilities) and len(probabilities) != len(record.images))


def _misprinted(view: RunView, result: Result, scenario: ScriptScenario) -> str | None:
    """Return the name of a printed number that the program's output has otherwise, or that has no pattern."""
    stated = {} if result.figures.printed is UNSET else result.figures.printed
    log = view.run.file(layout.WORKER_LOG)
    if not log.is_file():
        return next((name for name in stated if name not in scenario.printed), None)
    with log.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - TAIL_BYTES))
        found = {name: to_number(number) for name, number in find(scenario.printed, stream.read())[0].items()}
    return next((name for name in {**stated, **found} if stated.get(name) != found.get(name)), None)


def _comparable(claims: Sequence[ClaimResult], *, with_text: bool) -> list[object]:
    return [claim if with_text else (claim.id, claim.outcome, claim.measured) for claim in claims]


def recording_contradiction(view: RunView, result: Result) -> str | None:
    """Return what contradicts the result of a recording, which claims nothing; None if it follows from the events."""
    if not _is_of(result, view.record):
        return "result.json belongs to another run"
    if (result.verdict, result.claims, result.degraded, result.derived_from) != ("INCONCLUSIVE", [], False, None):
        return "its result.json claims something, which no recording does"
    if figure := _unlogged_figure(result, view.progress.measurements()):
        return f"{figure} is not what its events.jsonl says"
    return None


def _is_of(result: Result, record: RunRecord) -> bool:
    named = (result.run, result.scenario, result.environment, result.seed)
    return named == (record.id, record.scenario, record.environment, record.seed)


def _unlogged_figure(result: Result, measurements: Measurements) -> str | None:
    """Return the name of a figure that the log has otherwise, or has not; None if there is none.

    Figures that only a later version knows do not count.
    """
    logged = dict(_named_figures(measurements))
    stated = dict(_named_figures(result.figures))
    groups = {name.partition(".")[0] for name in logged}
    wrong = [name for name, value in logged.items() if name not in stated or not _equal(value, stated[name])]
    wrong += [name for name in stated if name.partition(".")[0] not in groups]
    return wrong[0] if wrong else None


def _logged(view: RunView, result: Result, scenario: AnyScenario) -> Measurements:
    """The measurements that follow from the events; what a program printed is in its output, and taken as stated."""
    if isinstance(scenario, ScriptScenario):
        stated = result.figures.printed
        return measurements(view.progress, {} if stated is UNSET else stated)
    return view.progress.measurements(scenario.fit.epochs, view.labels)


def _named_figures(measurements: Measurements) -> Iterator[tuple[str, Any]]:
    """Yield all figures, by the names that claims use."""
    for group, value in msgspec.to_builtins(measurements).items():
        if isinstance(value, dict):
            yield from ((f"{group}.{key}", figure) for key, figure in value.items())
        else:
            yield group, value


def _equal(left: Any, right: Any) -> bool:
    """Return whether numbers, or lists of them, are equal; the text of one that is not finite is equal to itself."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)
