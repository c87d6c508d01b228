"""Makes docs/pictures/*.svg from a store of real runs: `python scripts/export_pictures.py [STORE]`.

The store needs finished runs of original-bug and momentum-0.01 in keras-3, and of original-bug in keras-2.0.9.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from textual.pilot import Pilot  # noqa: E402

from tui.app import ReproApp  # noqa: E402
from tui.screens.what_if import WhatIfScreen  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
FONT = '"Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace'
SECONDS = 120.0


def tidy(svg: str) -> str:
    """No address of a font server, and no text that begins with spaces, which some renderers drop."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)
    svg = re.sub(r"font-family: Fira Code, monospace;", f"font-family: {FONT};", svg)
    return re.sub(r'<text( class="[^"]*-r\d+"[^>]*)>([^<]*)</text>', _shifted, svg)


def _shifted(match: re.Match[str]) -> str:
    attributes, text = match[1], match[2]
    rest = re.sub(r"^(?:&#160;)+", "", text)
    count = (len(text) - len(rest)) // len("&#160;")
    if not rest:
        return ""
    if not count:
        return match[0]
    for name, by in (("x", 12.2), ("textLength", -12.2)):
        attributes = re.sub(
            rf' {name}="([\d.]+)"', lambda m, n=name, b=by: f' {n}="{float(m[1]) + b * count:g}"', attributes
        )
    return f"<text{attributes}>{rest}</text>"


async def until(pilot: Pilot[int], wanted: object, what: str) -> None:
    """Let the program go on until `wanted()` holds."""
    for _ in range(int(SECONDS / 0.1)):
        await pilot.pause(0.1)
        if wanted():  # type: ignore[operator]
            return
    raise SystemExit(f"{what} never came")


def latest(app: ReproApp, scenario: str, environment: str) -> str:
    """The newest finished run."""
    for run in app.session.runs():
        if (run.scenario, run.environment, run.state) == (scenario, environment, "finished"):
            return run.id
    raise SystemExit(f"the store has no finished run of {scenario} in {environment}")


def is_complete(app: ReproApp) -> bool:
    """Whether the what-if screen waits for no answer."""
    screen = app.screen
    if not isinstance(screen, WhatIfScreen) or screen.traced is None:
        return False
    cells = len(screen.momenta) * len(screen.traced.epochs)
    return screen.question() in screen.answers and len(screen.answers) >= cells


async def make(store: Path) -> None:
    """All pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as settings:
        app = ReproApp(store, config_folder=Path(settings))
        async with app.run_test(size=(132, 40)) as pilot:

            async def save(name: str) -> None:
                await pilot.pause(1.0)
                (PICTURES / f"{name}.svg").write_text(tidy(app.export_screenshot(title="repro")), encoding="utf-8")
                print(f"docs/pictures/{name}.svg")

            await until(
                pilot, lambda: app.session.loaded and all(r.state != "reading" for r in app.session.runs()), "the store"
            )
            bug = latest(app, "original-bug", "keras-3")
            old = latest(app, "original-bug", "keras-2.0.9")
            repair = latest(app, "momentum-0.01", "keras-3")
            await until(pilot, lambda: app.session.timings, "the time of a step")
            await save("library")
            app.open_run(bug)
            await until(pilot, lambda: getattr(app.screen, "result", None) is not None, "the run")
            await save("run")
            await pilot.press("w")
            await until(pilot, lambda: getattr(app.screen, "reports", None), "the layers")
            await save("why")
            await pilot.press("m")
            await until(pilot, lambda: is_complete(app), "the map of what-if")
            await pilot.press(*["left"] * 10)  # from 0.99 to 0.01
            await until(pilot, lambda: is_complete(app), "the answer at another momentum")
            await save("what-if")
            await pilot.press("escape", "escape", "escape")
            app.session.marked = [bug, repair, old]
            await pilot.press("3")
            await until(pilot, lambda: getattr(app.screen, "_loaded", None) is not None, "the comparison")
            await save("compare")
            await pilot.press("q")


if __name__ == "__main__":
    chosen = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("REPRO_STORE") or ROOT / "runs")
    os.environ["REPRO_STORE"] = str(chosen)  # so that no picture shows a path
    asyncio.run(make(chosen))
