"""What the container's files say; needs no engine."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import yaml

from tests.support.paths import ROOT


def compose(name: str) -> dict[str, Any]:
    """A compose file's content."""
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


def test_dockerfile_repeats_the_version_and_the_locks_as_they_are() -> None:
    specification = importlib.util.spec_from_file_location(
        "update_arguments", ROOT / "container" / "update_arguments.py"
    )
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    text = (ROOT / "Dockerfile").read_text()
    assert module.updated(text) == text, "run: python container/update_arguments.py"


def test_every_installation_checks_hashes_and_names_no_index() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    installs = [line for line in text.splitlines() if re.search(r"pip.* install ", line)]
    assert installs
    for line in installs:
        for part in line.split("&&"):
            assert " install " not in part or "--require-hashes" in part
    assert "index" not in text.replace("--no-index", "")


def test_base_compose_file_has_no_gpu_keys() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"^\s*(deploy|gpus|runtime|devices):", text, re.M)


def test_gpu_file_adds_only_the_gpu() -> None:
    (service,) = compose("compose.gpu.yaml")["services"].values()
    assert set(service) == {"image", "build", "deploy"}


def test_services_are_confined() -> None:
    whole = compose("docker-compose.yml")
    assert whole["networks"] == {"cluster": {"internal": True}}
    for service in whole["services"].values():
        if service.get("profiles") == ["cluster"]:
            assert service["networks"] == ["cluster"] and "network_mode" not in service
        else:
            assert service["network_mode"] == "none"
        assert service["read_only"] and service["init"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"] == "${REPRO_UID:-1000}:${REPRO_GID:-1000}"


def test_example_settings_are_settings_of_the_compose_files() -> None:
    names = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    text = (ROOT / "docker-compose.yml").read_text()
    assert names
    for name in names:
        assert name == "COMPOSE_FILE" or re.search(rf"\${{{name}:|^\s+{name}:", text, re.M), name
