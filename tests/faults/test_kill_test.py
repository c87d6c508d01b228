"""Twenty kills in earnest, with real training; `make kill-test` does two hundred."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import kill_test
from tests.support.paths import ROOT

COUNT = 20


@pytest.mark.real
@pytest.mark.timeout(600)
def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    result = tmp_path / "kill-test.json"
    command = [sys.executable, "-m", "scripts.kill_test", "--quick", "--count", str(COUNT), "--result", str(result)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    kills = json.loads(result.read_text())["kills"]
    assert done.returncode == 0, (done.stderr, [one for one in kills if one["faults"]])
    assert len(kills) == COUNT and {one["victim"] for one in kills} >= {"supervisor", "worker", "screen", "export"}
    assert any(one["resumed"] for one in kills)
    assert {one["state"] for one in kills} <= {"-", "finished", "failed", "interrupted"}


def test_the_plan_kills_everything_everywhere() -> None:
    kills = kill_test.plan(200, quick=False)
    assert len(kills) == 200
    assert {kill.victim for kill in kills} == {
        *("supervisor", "worker", "screen", "queue", "sweep", "dask worker", "container", "export", "what-if"),
    }
    for victim in ("supervisor", "worker"):
        moments = {kill.moment for kill in kills if kill.victim == victim}
        assert moments >= {"starting", "import", "build", "fit", "checkpoint", "measure", "hash"}
    assert ("supervisor", "result") in {(kill.victim, kill.moment) for kill in kills}
    assert not kill_test.SLOW & {kill.victim for kill in kill_test.plan(20, quick=True)}
