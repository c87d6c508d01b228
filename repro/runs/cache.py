"""Finds a finished run that answers a plan, so that nothing is trained twice without need."""

from __future__ import annotations

from repro import __version__
from repro.errors import InputError
from repro.runs.plan import Plan
from repro.runs.records import RunRecord
from repro.runs.store import RunDirectory, Store


def find(store: Store, plan: Plan) -> RunDirectory | None:
    """The newest finished run of this scenario, environment, lock, seed, device, threads and pixels, or None.

    Runs with drifted packages, on another device than asked, or of another version of this program do not count.
    """
    part = f"-{plan.scenario.name}-{plan.environment.name}-s{plan.seed}-"
    for run in reversed(store.runs()):
        if part not in run.id:
            continue
        try:
            result = run.result()
            if result is not None and not result.degraded and answers(run.record(), plan):
                return run
        except InputError:
            continue  # damaged; `runs` says so
    return None


def answers(record: RunRecord, plan: Plan) -> bool:
    """Whether a run with this record did what the plan asks; `result.json` must say that it finished."""
    return (
        record.scenario_sha256 == plan.scenario.sha256()
        and record.environment == plan.environment.name
        and record.lock_sha256 == plan.environment.lock_sha256()
        and (record.seed, record.device, record.threads) == (plan.seed, plan.device, plan.threads)
        and record.deterministic == plan.deterministic
        and [image.pixels_sha256 for image in record.images] == [image.pixels_sha256 for image in plan.images.records]
        and not record.drift
        and not plan.drift
        and record.package_version == __version__
        and (record.traced or not plan.traced)
        and (record.keep_weights or not plan.keep_weights)
    )
