"""Pictures of five screens at three widths, from the recorded run, against those kept in snapshots/.

After a wanted change: UPDATE_SNAPSHOTS=1 python -m pytest tests/screens/test_snapshots.py, then look at what changed.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import tui.text
from repro.base import shipped
from tests.support.paths import RECORDED_RUN
from tests.support.runs import recorded
from tests.support.screens import until
from tui.app import ReproApp

KEPT = Path(__file__).resolve().parent / "snapshots"
NOW = recorded.START + 86_400
SIZES = [(60, 18), (80, 24), (120, 40)]


def cleaned(svg: str) -> str:
    """Without ids that depend on the content as a whole, and without the address of a font server."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)
    return re.sub(r"terminal-\d+", "terminal", svg) + "\n"


@pytest.fixture
def app(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReproApp:
    """The program over three copies of the recorded run and two scenarios, at a fixed time."""
    scenarios, folder = tmp_path / "scenarios", shipped.folder
    scenarios.mkdir()
    text = (RECORDED_RUN / "scenario.yaml").read_text("utf-8")
    (scenarios / "original-bug.yaml").write_text(text, "utf-8")
    text = text.replace("name: original-bug", "name: momentum-0.01").replace("epochs: 5,", "epochs: 20,")
    (scenarios / "momentum-0.01.yaml").write_text(text.replace("group: report", "group: verification"), "utf-8")
    monkeypatch.setattr(shipped, "folder", lambda name: scenarios if name == "scenarios" else folder(name))
    clock = SimpleNamespace(time=lambda: NOW, localtime=time.gmtime, strftime=time.strftime)
    monkeypatch.setattr(tui.text, "time", clock)
    monkeypatch.setenv("REPRO_STORE", str(store))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(store)
    recorded.finished(store, 1)
    recorded.finished(store, 2, environment="keras-2.0.9")
    recorded.finished(store, 3, scenario="momentum-0.01")
    return ReproApp(store, config_folder=tmp_path / "settings")


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
async def test_screens_look_as_they_did(app: ReproApp, size: tuple[int, int], tmp_path: Path) -> None:
    differ = []
    async with app.run_test(size=size) as pilot:

        async def look(name: str) -> None:
            said = [""]

            def rests() -> bool:
                said.append(app.export_screenshot(title="repro"))
                return len(said) > 8 and len({*said[-6:]}) == 1

            await until(pilot, rests)
            found, kept = cleaned(said[-1]), KEPT / f"{name}-{size[0]}.svg"
            if os.environ.get("UPDATE_SNAPSHOTS"):
                kept.parent.mkdir(exist_ok=True)
                kept.write_text(found, "utf-8")
            elif not kept.is_file() or kept.read_text("utf-8") != found:
                (tmp_path / kept.name).write_text(found, "utf-8")
                differ.append(f"{tmp_path / kept.name} is not {kept}")

        await until(pilot, lambda: app.session.loaded and all(run.state == "finished" for run in app.session.runs()))
        await until(pilot, lambda: app.session.timings and len(app.screen.scenarios.loaded) == 2)  # type: ignore[attr-defined]
        await look("library")
        recorded.sweep(app.session.store_path)
        await pilot.press("v")
        await until(pilot, lambda: getattr(app.screen, "record", None))
        await pilot.press("right", "right")
        await look("rates")
        await pilot.press("escape")
        run, repair, old = (app.session.run_ids[index] for index in (2, 0, 1))
        app.open_run(run)
        await until(pilot, lambda: getattr(app.screen, "result", None) and app.screen.query("Picture"))
        await until(pilot, lambda: not getattr(app.screen, "_dirty", True))  # what came is drawn by a clock of its own
        await look("run")
        await pilot.press("w")
        await until(pilot, lambda: getattr(app.screen, "reports", None))
        await look("why")
        await pilot.press("escape", "escape")
        app.session.marked = [run, repair, old]
        await pilot.press("3")
        await until(pilot, lambda: getattr(app.screen, "_loaded", None) is not None)
        await look("compare")
    assert not differ, "\n".join(differ)
