"""Real runs that are stopped or killed on the way, and go on: what docs/architecture.md says of resume."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.processes import lives
from tests.support.real_runs import RealRuns, following, outcomes, plain_script
from tests.support.scenario_files import SIX_EPOCHS

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]
WORKERS_MAKE_SAME_BITS = ("keras-3", "tf-keras")


@pytest.mark.parametrize(
    "environment",
    ["keras-3", *(pytest.param(name, marks=pytest.mark.evidence) for name in ("tf-keras", "keras-2.0.9"))],
)
def test_a_resumed_run(repro: RealRuns, environment: str, tmp_path: Path) -> None:
    """Stopped by SIGTERM after epoch 2 and resumed: the bits of a run that was never interrupted.

    Not in keras-2.0.9, where two whole runs differ from the second epoch on, even on one thread.
    """
    images = tmp_path / "images"
    images.symlink_to(ROOT / "scenarios" / "images")
    (tmp_path / "six-epochs.yaml").write_text(SIX_EPOCHS)
    asked = ["run", str(tmp_path / "six-epochs.yaml"), "--environment", environment]

    process = repro.start(*asked, "--plain")
    with following(process, repro, '"epoch_finished","epoch":2') as run:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 4, err
    assert run.state() == "interrupted"
    before = run.progress()
    assert before.checkpoint is not None and 2 <= before.checkpoint.epoch < 6

    resumed = repro("resume", run.id, code=1)
    assert resumed["state"] == "finished" and resumed["run"] == run.id
    assert run.file("environment-2.json").is_file()
    assert not list(run.file("weights").iterdir())
    fit = resumed["measurements"]["fit"]
    assert len(fit["loss"]) == 6 and resumed["verdict"] == "INCONCLUSIVE"
    kept = before.checkpoint.epoch
    assert fit["loss"][:kept] == before.loss[:kept]
    if environment not in WORKERS_MAKE_SAME_BITS:
        return
    whole = repro(*asked, code=1)
    assert fit == whole["measurements"]["fit"]
    assert resumed["measurements"]["weights_sha256"] == whole["measurements"]["weights_sha256"]
    assert resumed["measurements"]["predict"] == whole["measurements"]["predict"]
    if environment == "keras-3":  # whose batches are kept after the first epoch
        plain = plain_script(run, tmp_path / "home", epochs=6, batch_size=2)
        assert plain["weights_sha256"] == whole["measurements"]["weights_sha256"]


@pytest.mark.longest
@pytest.mark.timeout(14400)
def test_epochs_1000_survives_its_supervisor(repro: RealRuns) -> None:
    """The supervisor is killed outright after a checkpoint: the worker dies with it, and resume goes on to the end."""
    process = repro.start("run", "epochs-1000", "--plain", REPRO_CHECKPOINT_SECONDS="20")
    with following(process, repro, '"checkpoint_written"') as run:
        lines = run.file("events.jsonl").read_text().splitlines()
        worker = next(json.loads(line)["pid"] for line in lines if "worker_started" in line)
        assert lives(worker)
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while lives(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not lives(worker)
    assert run.state() == "interrupted"
    first = run.progress()
    assert first.checkpoint is not None

    done = repro("resume", run.id)
    assert (done["state"], done["verdict"]) == ("finished", "REPRODUCED")
    assert set(outcomes(done).values()) == {"held"}
    measured = done["measurements"]
    assert measured["predict"]["accuracy"] == 1.0 and measured["predict"]["classes"] == [0, 1, 2]
    assert len(measured["fit"]["loss"]) == 1000
    assert measured["batch_norm"]["updates"] == 1000
    assert run.file("environment.json").is_file() and run.file("environment-2.json").is_file()
    assert not list(run.file("weights").iterdir()) and not run.file("worker-home").exists()
