"""Counts and rates of a sweep, from the results of its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self, get_args

import msgspec

from repro.runs.records import ClaimResult, Result, State, Verdict
from repro.sweep.jobs import How, Job
from repro.sweep.rate import CONFIDENCE, wilson

FORMAT = 1


class Rate(msgspec.Struct, frozen=True):
    """How often something held among what was counted, with its interval; all None where nothing was counted."""

    held: int
    counted: int
    rate: float | None
    low: float | None
    high: float | None


class ClaimRate(msgspec.Struct, frozen=True):
    """A claim over the finished runs. One that was not measured (unknown) counts, and did not hold."""

    id: str
    says: str
    held: int
    failed: int
    unknown: int
    rate: float | None
    low: float | None
    high: float | None


class SweepRun(msgspec.Struct, frozen=True):
    """A run as a sweep has it: it may be waiting, with no run yet, and `how` it was made counts.

    `reason`: why it was not finished.
    """

    run: str | None
    seed: int
    state: State | Literal["waiting"]
    verdict: Verdict | None
    how: How
    reason: str | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return how a job is now."""
        return cls(
            run=job.run.id if job.run is not None else None,
            seed=job.plan.seed,
            state=job.state,
            verdict=job.result.verdict if job.result is not None else None,
            how=job.how,
            reason=job.reason or None,
        )


class Group(msgspec.Struct, frozen=True):
    """All seeds of one scenario in one environment."""

    scenario: str
    environment: str
    threads: int
    seeds: list[int]
    verdicts: dict[str, int]
    degraded: int
    unfinished: int
    reproduced: Rate
    claims: list[ClaimRate]
    runs: list[SweepRun]
    # Of a program: how many different weights its finished runs ended with; None if not all recorded a hash.
    distinct_weights: int | None = None

    @property
    def ignores_seed(self) -> bool:
        """Whether runs of several seeds all ended with the same weights."""
        return self.distinct_weights == 1 and len(self.seeds) - self.unfinished > 1


def groups(jobs: Sequence[Job]) -> list[Group]:
    """The sweep's groups in the order of its jobs."""
    found: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        found.setdefault((job.plan.scenario.name, job.plan.environment.name), []).append(job)
    return [_group(*key, members) for key, members in found.items()]


def _group(scenario: str, environment: str, jobs: list[Job]) -> Group:
    results = [job.result for job in jobs if job.result is not None]
    verdicts = Counter(result.verdict for result in results if result.verdict is not None)
    return Group(
        scenario=scenario,
        environment=environment,
        threads=jobs[0].plan.threads,
        seeds=[job.plan.seed for job in jobs],
        verdicts={name: verdicts[name] for name in get_args(Verdict)},
        degraded=sum(result.degraded for result in results),
        unfinished=len(jobs) - len(results),
        reproduced=rate(verdicts["REPRODUCED"], len(results)),
        claims=claim_rates(claim for result in results for claim in result.claims),
        runs=[SweepRun.of(job) for job in jobs],
        distinct_weights=_distinct_weights(results) if jobs[0].plan.program is not None else None,
    )


def _distinct_weights(results: Sequence[Result]) -> int | None:
    hashes = [result.figures.figure("weights_sha256") for result in results]
    return None if not hashes or None in hashes else len(set(hashes))


def rate(held: int, counted: int) -> Rate:
    """A rate with its interval."""
    interval = wilson(held, counted)
    low, high = interval if interval is not None else (None, None)
    return Rate(held, counted, held / counted if counted else None, low, high)


def claim_rates(claims: Iterable[ClaimResult]) -> list[ClaimRate]:
    """Each claim's rate, in the order in which the claims come; a claim that does not count here is left out."""
    outcomes: dict[str, Counter[str]] = {}
    says: dict[str, str] = {}
    for claim in claims:
        if claim.outcome != "skipped":
            outcomes.setdefault(claim.id, Counter())[claim.outcome] += 1
            says[claim.id] = claim.says
    found = []
    for name, count in outcomes.items():
        one = rate(count["held"], count.total())
        found.append(
            ClaimRate(name, says[name], count["held"], count["failed"], count["unknown"], one.rate, one.low, one.high)
        )
    return found


def sweep_object(jobs: Sequence[Job]) -> dict[str, Any]:
    """The sweep as --json prints it."""
    return {
        "format": FORMAT,
        "confidence": CONFIDENCE,
        "interval": "wilson",
        "groups": [msgspec.to_builtins(group) for group in groups(jobs)],
    }
