"""Real runs in the container: exact figures, two at a time, killed, stopped and resumed."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.support.docker import GID, UID, Service, client_variables, docker, wait_for
from tests.support.paths import ROOT

pytestmark = [pytest.mark.container, pytest.mark.evidence, pytest.mark.timeout(1800)]

A3 = {"loss": 10.745396614074707, "accuracy": 0.3333333432674408}
# Often, so that the test need not wait a minute for one.
CHECKPOINTS = ("--env", "REPRO_CHECKPOINT_SECONDS=1")


def test_two_containers_on_one_store_give_the_figures_of_both_environments(
    service: Service, image: dict[str, Any]
) -> None:
    variables = client_variables(**service.variables, REPRO_IMAGE_ID=image["Id"])
    started = {
        environment: subprocess.Popen(
            [
                *["docker", "compose", "run", "--rm", "-T", "repro", "run", "original-bug", "--json", "--environment"],
                environment,
            ],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for environment in ("keras-2.0.9", "keras-3")
    }
    results = {}
    for environment, process in started.items():
        out, err = process.communicate()
        assert process.returncode == 0, err[-3000:]
        results[environment] = json.loads(out)

    assert results["keras-2.0.9"]["measurements"]["evaluate"] == A3
    modern = results["keras-3"]["measurements"]
    assert modern["fit"]["accuracy"][-1] == 1.0
    assert modern["predict"]["distinct_classes"] == 1
    assert modern["evaluate"]["accuracy"] == pytest.approx(1 / 3, abs=1e-6)
    assert {result["verdict"] for result in results.values()} == {"REPRODUCED"}

    listed = service.json("runs")["runs"]
    assert {run["run"]: run["state"] for run in listed} == {result["run"]: "finished" for result in results.values()}
    for run in service.runs():
        for path in [run, *run.rglob("*")]:
            assert (path.stat().st_uid, path.stat().st_gid) == (UID, GID)
        container = json.loads((run / "environment.json").read_text())["facts"]["container"]
        assert container["image_id"] == image["Id"]
        assert container["image"]["labels"].items() <= image["Config"]["Labels"].items()
    for command in (["export", "last", "-o", "/runs/evidence.zip"], ["verify", "/runs/evidence.zip", "--no-run"]):
        service.run(*command)


def epochs_of(service: Service, stretch: int) -> list[int]:
    """Epochs that one stretch of the newest run finished so far."""
    found: list[int] = []
    current = 0
    for event in service.events():
        if event["event"] == "run_started":
            current = event["stretch"]
        elif event["event"] == "epoch_finished" and current == stretch:
            found.append(event["epoch"])
    return found


def last_checkpoint(service: Service) -> int:
    """Epoch of the last checkpoint, 0 without one."""
    return max((event["epoch"] for event in service.events() if event["event"] == "checkpoint_written"), default=0)


def test_killed_and_stopped_runs_are_interrupted_and_go_on(service: Service, name: str) -> None:
    service.start(name, "run", "epochs-1000", "--environment", "keras-2.0.9", options=CHECKPOINTS)
    wait_for(lambda: last_checkpoint(service), "checkpoint", 300)
    docker("kill", name)
    docker("rm", "--force", name)
    kept = last_checkpoint(service)
    (run,) = service.json("runs")["runs"]
    assert run["state"] == "interrupted"

    service.start(name, "resume", "last", options=CHECKPOINTS)
    wait_for(lambda: epochs_of(service, 2) and last_checkpoint(service) > kept, "epoch after the kill", 300)
    assert epochs_of(service, 2)[0] == kept + 1
    docker("stop", name)  # SIGTERM, then SIGKILL after the service's stop_grace_period
    assert docker("wait", name).stdout.strip() == "4"  # killed, it would be 137
    docker("rm", "--force", name)
    kept = last_checkpoint(service)
    assert kept == epochs_of(service, 2)[-1]
    shown = service.json("show", "last", check=False)
    assert shown["state"] == "interrupted"

    service.start(name, "resume", "last", options=CHECKPOINTS)
    wait_for(lambda: epochs_of(service, 3), "epoch after the stop", 300)
    assert epochs_of(service, 3)[0] == kept + 1
