"""`docker compose run`: every command in a confined container."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import UID, Service, client_variables, docker, wait_for
from tests.support.paths import ROOT
from tests.support.runs.copied import make_run

pytestmark = [pytest.mark.container, pytest.mark.timeout(900)]


def test_configuration_is_valid_with_and_without_the_gpu_file(engine: None) -> None:
    plain = json.loads(docker("compose", "config", "--format", "json").stdout)["services"]
    assert list(plain) == ["repro"]
    assert "deploy" not in plain["repro"]
    layered = docker(
        "compose", "config", "--format", "json", env={"COMPOSE_FILE": "docker-compose.yml:compose.gpu.yaml"}
    )
    repro = json.loads(layered.stdout)["services"]["repro"]
    assert repro["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert repro["build"]["target"] == "gpu"
    assert not plain.keys() - {"repro"} and docker("compose", "--profile", "tests", "config", "--quiet").stderr == ""


def test_only_the_cluster_has_a_network_and_it_leads_nowhere(engine: None) -> None:
    found = json.loads(docker("compose", "--profile", "cluster", "config", "--format", "json").stdout)
    assert found["networks"]["cluster"]["internal"] is True
    assert found["services"]["repro"]["network_mode"] == "none"
    for name in ("scheduler", "worker", "sweep"):
        service = found["services"][name]
        assert list(service["networks"]) == ["cluster"] and "network_mode" not in service
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]


@pytest.mark.evidence
def test_tests_pass_in_the_container(engine: None) -> None:
    done = docker("compose", "run", "--rm", "tests")
    assert " passed" in done.stdout


def test_doctor_names_image_uid_and_store(service: Service) -> None:
    findings = service.json("doctor")["findings"]
    text = json.dumps(findings)
    assert not [finding for finding in findings if finding["severity"] == "error"]
    assert f"uid {UID}" in text
    for subject in ("container", "store", "memory", "threads", "GPU", "terminal"):
        assert [finding for finding in findings if finding["subject"] == subject], subject


def test_store_that_cannot_be_written_is_named_with_its_remedy(service: Service) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can make a folder that is not its own")
    os.chown(service.store, 0, 0)
    done = service.run("run", "original-bug", check=False)
    assert done.returncode == 3
    assert "chown" in done.stderr or "REPRO_UID" in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("repro: ")]) == 1


def test_environment_record_names_image_and_locks(service: Service, image: dict[str, Any]) -> None:
    shown = service.json("environment", "show", "keras-3", options=("--env", f"REPRO_IMAGE_ID={image['Id']}"))
    text = json.dumps(shown)
    labels = image["Config"]["Labels"]
    assert image["Id"] in text
    assert labels["repro.lock.keras-3"] in text
    assert "org.opencontainers.image.version" in text


def test_what_is_written_by_a_relative_name_stays_and_is_found(service: Service) -> None:
    make_run(service.store, tail="abcd")
    service.run("new", "mine")
    assert (service.store / "mine.yaml").stat().st_uid == UID
    service.run("export", "abcd", "-o", "mine.zip")
    assert zipfile.is_zipfile(service.store / "mine.zip")
    shutil.copy(ROOT / "tests/data/format-1/bundle.zip", service.store / "theirs.zip")
    assert "REPRODUCED" in service.run("verify", "theirs.zip", "--no-run", "--plain").stdout
    assert len(service.json("runs")["runs"]) == 1  # what else lies there is no run


def test_detach_is_refused_and_the_other_way_named(service: Service) -> None:
    done = service.run("run", "original-bug", "--detach", check=False)
    assert done.returncode == 2
    assert "docker compose run -d repro run original-bug" in done.stderr
    assert service.runs() == []


def test_gpu_that_is_absent_is_an_error_with_the_reason(service: Service) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine may have a GPU")
    done = service.run("run", "original-bug", "--device", "gpu", check=False)
    assert done.returncode == 3
    assert any(word in done.stderr for word in ("driver", "libcuda", "CUDA", "nvidia"))


def test_own_pictures_are_seen_at_images(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "only-one.png").write_bytes((ROOT / "scenarios/images/fence.png").read_bytes())
    service.variables["REPRO_IMAGES"] = str(folder)
    done = service.run("run", "original-bug", "--images", "/images", check=False)
    assert done.returncode == 2
    assert "/images" in done.stderr and service.runs() == []


def test_missing_picture_folder_is_an_error_and_is_not_made(service: Service, tmp_path: Path) -> None:
    service.variables["REPRO_IMAGES"] = str(tmp_path / "missing")
    assert service.run("list", check=False).returncode != 0
    assert not (tmp_path / "missing").exists()


class Terminal:
    """A command on a pseudo-terminal of its own, and all it drew."""

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        self.drawn = b""
        self.descriptor, slave = pty.openpty()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=client_variables(**variables), cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def shows(self, text: bytes) -> bool:
        """Whether `text` was drawn so far."""
        while select.select([self.descriptor], [], [], 0)[0]:
            try:
                data = os.read(self.descriptor, 65536)
            except OSError:
                break
            if not data:
                break
            self.drawn += data
        return text in self.drawn

    def has_ended(self) -> bool:
        """Whether the command ended; what it draws at the end is taken from its terminal, or it would wait for ever."""
        self.shows(b"")
        return self.process.poll() is not None

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.descriptor)


def test_program_opens_and_restores_the_terminal_when_stopped(service: Service, name: str) -> None:
    command = ["docker", "compose", "run", "--rm", "--name", name, "repro"]
    screen = Terminal(command, {**service.variables, "TERM": "xterm-256color"})
    try:
        wait_for(lambda: screen.shows(b"\x1b[?1049h") and screen.shows(b"original-bug"), "screen", 60)
        stop = subprocess.Popen(["docker", "stop", name], stdout=subprocess.DEVNULL)
        # What it draws at the end is read meanwhile: with its terminal full, neither it nor the engine could go on.
        wait_for(lambda: screen.has_ended() and stop.poll() is not None, "end of both", 120)
        wait_for(screen.has_ended, "end of the program", 60)
        wait_for(lambda: screen.shows(b"\x1b[?1049l"), "restored terminal", 5)
        assert screen.drawn.rindex(b"\x1b[?1049l") > screen.drawn.rindex(b"\x1b[?1049h")
        assert screen.process.returncode == 143
    finally:
        screen.close()
