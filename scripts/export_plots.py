"""Draws docs/pictures/statistics.svg from docs/evidence/; `python -m scripts.evidence tables` calls it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import jinja2

from scripts.evidence import ROOT, drift_rows, updates_until

TARGET = ROOT / "docs/pictures/statistics.svg"
MOMENTA = (0.99, 0.9, 0.5, 0.01)
WIDTH, HEIGHT = 760, 470
LEFT, RIGHT, TOP, BOTTOM = 70, 740, 30, 390
MOST_UPDATES, LEAST_SHARE, LIMIT = 1000, 1e-4, 0.01


@dataclass
class Curve:
    """momentum ** updates, with what was measured at that momentum; all in the drawing's units."""

    index: int
    says: list[str]
    points: list[tuple[float, float]]
    label: tuple[float, float]
    before: bool
    still: list[tuple[float, float]] = field(default_factory=list)
    moving: list[tuple[float, float]] = field(default_factory=list)


def x(updates: float) -> float:
    """Logarithmic, from 1."""
    return LEFT + math.log10(updates) / math.log10(MOST_UPDATES) * (RIGHT - LEFT)


def y(share: float) -> float:
    """Logarithmic, 1 at the top."""
    return TOP + math.log10(share) / math.log10(LEAST_SHARE) * (BOTTOM - TOP)


def curve(index: int, momentum: float) -> Curve:
    """The formula's curve down to the lower edge."""
    last = min(MOST_UPDATES, math.log(LEAST_SHARE) / math.log(momentum))
    steps = [last ** (step / 100) for step in range(101)]
    needed = updates_until(LIMIT, momentum)
    says = [f"momentum {momentum:g}", f"{needed} update{'s' if needed > 1 else ''}"]
    # after the curve and below the limit, at the far right before it and above: words stay clear of all curves
    before = needed > MOST_UPDATES / 5
    label = 5 * LIMIT if before else 0.4 * LIMIT
    beside = x(math.log(label if before else label / 2) / math.log(momentum)) + (-14 if before else 8)
    found = Curve(index, says, [(x(n), y(momentum**n)) for n in steps], (beside, y(label)), before)
    for scenario, at, updates, distance in drift_rows():
        if at == momentum and distance >= LEAST_SHARE:
            (found.still if scenario == "learning-rate-0" else found.moving).append((x(updates), y(distance)))
    return found


def draw() -> str:
    """The SVG."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "scripts"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    environment.filters["place"] = lambda value: f"{value:.1f}"
    return environment.get_template("statistics.svg.j2").render(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
        curves=[curve(index, momentum) for index, momentum in enumerate(MOMENTA)],
        limit=y(LIMIT),
        x_ticks=[(x(n), str(n)) for n in (1, 5, 20, 50, 100, 200, 500, 1000)],
        y_ticks=[(y(share), f"{100 * share:g} %") for share in (1, 0.1, 0.01, 0.001, 0.0001)],
    )


def write(check: bool) -> bool:
    """Write the picture, but not with `check`; whether another one was there."""
    drawn = draw()
    stale = not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != drawn
    if stale and not check:
        TARGET.write_text(drawn, encoding="utf-8")
    return stale
