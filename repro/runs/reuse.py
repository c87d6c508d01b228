"""Finds the runs of the store that a plan would only repeat."""

from __future__ import annotations

from collections.abc import Iterator

from repro.base.errors import InputError
from repro.runs.directory import RunDirectory
from repro.runs.identity import RunIdentity, is_same_run
from repro.runs.plan import Plan
from repro.runs.store import Store


def find_finished(store: Store, plan: Plan, *, trained: bool = False) -> RunDirectory | None:
    """Return the newest finished run that matches `plan`, on the device it asks for, or None.

    `trained`: only a run that was trained itself, not derived from another's training.
    """
    return next((run for run in find_matching(store, plan) if _is_usable(run, trained=trained)), None)


def find_matching(store: Store, plan: Plan) -> Iterator[RunDirectory]:
    """Yield the runs that match `plan`, in whatever state, the newest first."""
    names = f"-{plan.scenario.name}-{plan.environment.name}-s{plan.seed}-"
    candidates = [run for run in store.runs() if names in run.id]
    if not candidates:
        return
    wanted = RunIdentity.of_plan(plan)
    for run in reversed(candidates):
        try:
            identity = RunIdentity.of_run(run)
        except InputError:
            continue  # damaged, as `repro runs` reports
        if is_same_run(identity, wanted):
            yield run


def _is_usable(run: RunDirectory, *, trained: bool) -> bool:
    try:
        result = run.result()
    except InputError:
        return False
    return result is not None and not result.degraded and not (trained and result.derived_from is not None)
