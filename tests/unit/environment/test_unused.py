"""What doctor says about environments that were made on demand and are not used."""

from __future__ import annotations

import os
import time
from pathlib import Path

from repro import doctor
from repro.environment import made, use
from repro.environment.install import install
from repro.environment.requirement_list import parse
from repro.environment.resolve import resolve
from repro.runs.store import Store
from tests.support.package_index import PackageIndex
from tests.support.releases_index import MINOR


def test_one_that_was_not_used_for_long_is_named_with_the_command_that_removes_it(
    index: PackageIndex, tmp_path: Path
) -> None:
    wanted = parse(["keras==2.1.2"])
    one = made.keep(wanted, resolve(wanted, python=MINOR))
    install(one, say=lambda _: None)
    held = use.hold(one)
    assert held is not None
    held.close()

    def findings() -> list[doctor.Finding]:
        return [found for found in doctor.examine(Store(tmp_path)) if found.subject == "environments"]

    assert findings() == []
    old = time.time() - doctor.UNUSED_SECONDS - 60
    os.utime(one.prefix.parent / f".{one.name}.use", (old, old))
    (found,) = findings()
    assert found.remedy == f"repro environment remove {one.name}" and "30 days" in found.message
