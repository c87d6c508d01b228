"""Intervals, counts, and which runs are the same."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from repro.base.errors import ExitCode
from repro.cli.sweep import shares
from repro.environment import definition
from repro.runs import reuse
from repro.runs.directory import RunDirectory
from repro.runs.identity import RunIdentity, is_same_run
from repro.runs.records import ClaimResult, Outcome, Result
from repro.runs.store import Store
from repro.sweep import process
from repro.sweep.jobs import Job
from repro.sweep.local import LocalRunner
from repro.sweep.rate import wilson
from repro.sweep.tally import claim_rates, sweep_object
from tests.support.paths import RECORDED_RUN
from tests.support.runs.planned import made_supervisor, make, plan, started, whole


@pytest.mark.parametrize(
    ("held", "counted", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_interval_is_the_published_one(held: int, counted: int, low: float, high: float) -> None:
    found = wilson(held, counted)
    assert found is not None
    assert (round(found[0], 4), round(found[1], 4)) == (low, high)
    mirrored = wilson(counted - held, counted)
    assert mirrored is not None and mirrored == pytest.approx((1 - found[1], 1 - found[0]))


def test_nothing_counted_has_no_interval() -> None:
    assert wilson(0, 0) is None


def claim(name: str, outcome: Outcome) -> ClaimResult:
    return ClaimResult(name, "says", "fit.accuracy", outcome, None, "= 1.0")


def test_unknown_counts_and_skipped_does_not() -> None:
    outcomes: list[tuple[str, Outcome]] = [("A", "held"), ("A", "failed"), ("A", "unknown"), ("B", "skipped")]
    (one,) = claim_rates(claim(name, outcome) for name, outcome in outcomes)
    assert (one.id, one.held, one.failed, one.unknown) == ("A", 1, 1, 1)
    assert one.rate == pytest.approx(1 / 3)


def test_a_run_for_which_there_is_no_process_ends_no_other(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(process, "start", start)
    (tmp_path / "store").mkdir()
    jobs = [Job(plan(folder, seed=seed)) for seed in (0, 1)]
    ended = [job for job in LocalRunner(Store(tmp_path / "store"), 1).run(jobs) if job is not None]
    assert ended == jobs
    assert [job.code for job in jobs] == [ExitCode.ENDED_EARLY] * 2
    assert jobs[0].reason == "it could not be started (Resource temporarily unavailable)"


def test_shares_of_the_cores() -> None:
    assert shares(8, None, None) == (8, 1)
    assert shares(8, 2, None) == (2, 4)
    assert shares(8, None, 3) == (2, 3)
    assert shares(2, None, 4) == (1, 4)
    assert shares(2, 4, None) == (4, 1)


# -- which runs are the same ------------------------------------------------------------------------------------------


def finished(folder: Path, store: Path) -> RunDirectory:
    run = make(folder, store, *whole())
    supervisor = made_supervisor(run)
    supervisor._conclude()
    supervisor.log.close()
    return run


def test_the_newest_finished_run_is_found(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    asked = plan(folder)
    assert reuse.find_finished(Store(store), asked) is None
    first = finished(folder, store)
    assert reuse.find_finished(Store(store), asked) == first
    second = finished(folder, store)
    unfinished = make(folder, store, started())
    assert reuse.find_finished(Store(store), asked) == second
    assert list(reuse.find_matching(Store(store), asked)) == [unfinished, second, first]


def test_another_run_is_not_taken_for_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    run = finished(folder, store.path)
    asked = plan(folder)
    others = {
        "scenario": replace(asked, scenario=msgspec.structs.replace(asked.scenario, title="Another")),
        "environment": replace(asked, environment=definition.get("keras-2.0.9")),
        "seed": replace(asked, seed=1),
        "device": replace(asked, device="cpu"),
        "threads": replace(asked, threads=3),
        "deterministic": replace(asked, deterministic=True),
        "keep_weights": replace(asked, keep_weights=True),
        "traced": replace(asked, traced=True),
        "drift": replace(asked, drift=("numpy: locked 1, installed 2",)),
    }
    for what, other in others.items():
        assert reuse.find_finished(store, other) is None, what
    changes: list[dict[str, Any]] = [
        {"lock_sha256": "0" * 64},
        {"package_version": "0.0.1"},
        {"drift": ["numpy: locked 1, installed 2"]},
        {"images": list(reversed(asked.images.records))},
        {"images": [msgspec.structs.replace(image, label=0) for image in asked.images.records]},
        {"validation_images": asked.images.records},
    ]
    record, wanted = run.record(), RunIdentity.of_plan(asked)
    assert is_same_run(RunIdentity.of_record(record), wanted)
    for change in changes:
        assert not is_same_run(RunIdentity.of_record(msgspec.structs.replace(record, **change)), wanted), change
    kept = msgspec.structs.replace(record, traced=True, keep_weights=True)
    assert is_same_run(RunIdentity.of_record(kept), wanted)


# -- the JSON of a sweep ----------------------------------------------------------------------------------------------


def recorded(store: Path, seed: int, **claims: Outcome) -> RunDirectory:
    """The recorded run with another seed, and other outcomes of some claims."""
    record = json.loads((RECORDED_RUN / "run.json").read_text())
    name = record["id"].replace("-s0-", f"-s{seed}-")
    shutil.copytree(RECORDED_RUN, store / name)
    (store / name / "run.json").write_text(json.dumps({**record, "id": name, "seed": seed}))
    result = msgspec.json.decode((RECORDED_RUN / "result.json").read_bytes(), type=Result)
    changed = [
        msgspec.structs.replace(one, outcome=claims[one.id]) if one.id in claims else one for one in result.claims
    ]
    other = msgspec.structs.replace(
        result, run=name, seed=seed, claims=changed, verdict="NOT_REPRODUCED" if claims else result.verdict
    )
    (store / name / "result.json").write_bytes(msgspec.json.encode(other))
    return RunDirectory(store / name)


def test_json_of_recorded_runs(folder: Path, tmp_path: Path) -> None:
    from repro.scenario import load

    loaded = load.load(load.find("original-bug"), environments=definition.names())
    jobs = []
    for seed, claims in enumerate(({}, {"A4": "failed"}, {"A4": "unknown"})):
        asked = replace(plan(folder), scenario=loaded.scenario, scenario_text=loaded.text, seed=seed)
        jobs.append(Job(asked, run=recorded(tmp_path, seed, **claims), how="trained"))  # type: ignore[arg-type]
        jobs[-1].conclude()
    jobs.append(Job(replace(jobs[0].plan, seed=3)))
    jobs[-1].conclude(reason="not begun")
    found = json.loads(msgspec.json.encode(sweep_object(jobs)))
    assert {key: found[key] for key in ("format", "confidence", "interval")} == {
        "format": 1,
        "confidence": 0.95,
        "interval": "wilson",
    }
    (group,) = found["groups"]
    assert (group["scenario"], group["environment"], group["seeds"]) == ("original-bug", "keras-3", [0, 1, 2, 3])
    assert group["verdicts"] == {"REPRODUCED": 1, "NOT_REPRODUCED": 2, "INCONCLUSIVE": 0}
    assert group["unfinished"] == 1 and group["reproduced"]["counted"] == 3
    claims_found = {one["id"]: one for one in group["claims"]}
    assert "A3-loss" not in claims_found  # it counts in keras-2.0.9 only
    one = claims_found["A4"]
    assert (one["held"], one["failed"], one["unknown"]) == (1, 1, 1)
    assert claims_found["Q1"]["rate"] == 1.0 and claims_found["Q1"]["low"] == pytest.approx(0.4385, abs=1e-4)
    assert [(run["seed"], run["verdict"], run["reason"]) for run in group["runs"]] == [
        (0, "REPRODUCED", None),
        (1, "NOT_REPRODUCED", None),
        (2, "NOT_REPRODUCED", None),
        (3, None, "not begun"),
    ]
