"""The lists of applications say what the environments say."""

from __future__ import annotations

import runpy

import pytest

from repro.environment import definition, requirements
from tests.support.paths import ROOT

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SCRIPT = ROOT / "scripts/list_applications.py"


@pytest.mark.parametrize("name", ["keras-3", "keras-2.0.9"])
def test_the_list_is_what_the_environment_says(name: str) -> None:
    environment = definition.get(name)
    said = runpy.run_path(str(SCRIPT))["ask"](environment)
    assert said == requirements.applications_of(environment)
    assert said["ResNet50"] == {"keras-3": 32, "keras-2.0.9": 197}[name]
