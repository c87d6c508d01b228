"""Twenty kills in earnest, with real training; `make torture` does two hundred."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import torture
from tests.faults.conftest import ROOT

COUNT = 20


@pytest.mark.real
@pytest.mark.timeout(600)
def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    result = tmp_path / "torture.json"
    command = [sys.executable, "-m", "scripts.torture", "--quick", "--count", str(COUNT), "--result", str(result)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    kills = json.loads(result.read_text())["kills"]
    assert done.returncode == 0, (done.stderr, [one for one in kills if one["faults"]])
    assert len(kills) == COUNT and {one["victim"] for one in kills} >= {"supervisor", "worker", "screen", "export"}
    assert any(one["resumed"] for one in kills)
    assert {one["state"] for one in kills} <= {"-", "finished", "failed", "interrupted"}


def test_the_plan_kills_everything_everywhere() -> None:
    kills = torture.plan(200, quick=False)
    assert len(kills) == 200
    assert {kill.victim for kill in kills} == {
        *("supervisor", "worker", "screen", "queue", "sweep", "dask worker", "container", "export", "what-if"),
    }
    for victim in ("supervisor", "worker"):
        moments = {kill.moment for kill in kills if kill.victim == victim}
        assert moments >= {"starting", "import", "build", "fit", "checkpoint", "measure", "hash"}
    assert ("supervisor", "result") in {(kill.victim, kill.moment) for kill in kills}
    assert not torture.SLOW & {kill.victim for kill in torture.plan(20, quick=True)}
