"""What the reports of runs and of recordings are made of: drawings, and the facts of an environment to show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from repro.base.text import exact
from repro.explain import sentences
from repro.runs.view import RunView

MAX_POINTS = 400
WIDTH, HEIGHT = 640, 200
SHOWN_FACTS = (
    ("Keras", "versions.keras"),
    ("TensorFlow", "versions.tensorflow"),
    ("Python", "python.version"),
    ("numpy", "numpy"),
    ("oneDNN", "onednn"),
    ("device", "device"),
    ("threads of one operation", "threads.intra_op"),
    ("threads between operations", "threads.inter_op"),
    ("CPU", "cpu.model"),
    ("instruction sets", "cpu.instruction_sets"),
    ("operating system", "os.name"),
    ("kernel", "kernel"),
    ("libc", "libc"),
    ("op determinism", "determinism.op_determinism"),
    ("network", "network"),
    ("build of TensorFlow", "tensorflow_build.git_version"),
)


@dataclass(frozen=True)
class Series:
    """A curve in a drawing: `points` in the drawing's units."""

    name: str
    points: list[tuple[float, float]]

    @property
    def polyline(self) -> str:
        return " ".join(f"{x:.2f},{y:.2f}" for x, y in self.points)


@dataclass(frozen=True)
class Drawing:
    """Axes and series of one SVG; ticks are (position, text)."""

    title: str
    series: list[Series]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    reference: float | None = None
    note: str = ""


def epoch_rows(loss: list[Any], accuracy: list[Any]) -> list[tuple[int, Any, Any]]:
    """Return (epoch, loss, accuracy) of all epochs up to 20, else of a choice with the first and the last."""
    count = len(loss)
    wanted = set(range(1, count + 1))
    if count > 20:
        wanted = {1, 2, 5, 10, 20, 50, 100, 200, 500, count} | {round(count * part / 8) for part in range(1, 8)}
    rows = list(zip(range(1, count + 1), loss, accuracy, strict=False))
    return [row for row in rows if row[0] in wanted]


def _finite(values: Sequence[Any]) -> list[tuple[int, float]]:
    numbered = ((index + 1, float(value)) for index, value in enumerate(values) if value is not None)
    return [(index, value) for index, value in numbered if math.isfinite(value)]


def curves(loss: list[Any], accuracy: list[Any]) -> list[Drawing]:
    count = len(loss)
    if not count:
        return []
    drawings = []
    positive = [(epoch, math.log10(value)) for epoch, value in _finite(loss) if value > 0]
    if positive:
        low = math.floor(min(value for _, value in positive))
        high = max(low + 1, math.ceil(max(value for _, value in positive)))
        steps = max(1, (high - low) // 6)
        ticks = [(float(power), f"1e{power}") for power in range(low, high + 1, steps)]
        note = "" if len(positive) == count else f"{count - len(positive)} values are zero or not finite"
        drawings.append(_drawing("loss in fit (logarithmic)", [("loss", positive)], count, (low, high), ticks, note))
    finite = _finite(accuracy)
    if finite:
        ticks = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")]
        drawings.append(_drawing("accuracy in fit", [("accuracy", finite)], count, (0.0, 1.0), ticks))
    return drawings


def _drawing(
    title: str,
    series: list[tuple[str, list[tuple[int, float]]]],
    count: int,
    limits: tuple[float, float],
    ticks: list[tuple[float, str]],
    note: str = "",
    reference: float | None = None,
    unit: str = "",
) -> Drawing:
    low, high = limits

    def x(position: float) -> float:
        return WIDTH / 2 if count == 1 else (position - 1) / (count - 1) * WIDTH

    def y(value: float) -> float:
        return HEIGHT - (value - low) / (high - low) * HEIGHT

    marks = sorted({1, *(round(1 + (count - 1) * part / 4) for part in range(1, 4)), count})
    return Drawing(
        title=title,
        series=[Series(name, _thinned([(x(at), y(value)) for at, value in points])) for name, points in series],
        x_ticks=[(x(mark), f"{unit}{mark}") for mark in marks],
        y_ticks=[(y(value), word) for value, word in ticks],
        reference=None if reference is None else y(reference),
        note=note,
    )


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most about MAX_POINTS points; the highest and the lowest of each bin stay, so that no peak is lost."""
    if len(points) <= MAX_POINTS:
        return points
    size = -(-len(points) // (MAX_POINTS // 2))
    thinned = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        ends = {min(range(len(part)), key=lambda i: part[i][1]), max(range(len(part)), key=lambda i: part[i][1])}
        thinned += [part[index] for index in sorted(ends)]
    return thinned


def drift(run: RunView) -> dict[str, Any] | None:
    """Draw the last drift of every BatchNormalization layer; None if none was measured."""
    measured = run.progress.drift
    if not measured:
        return None
    last = measured[max(measured)]
    layers = [layer for layer in last.layers if layer.mean is not None or layer.variance is not None]
    if not layers:
        return None
    means = _finite([layer.mean for layer in last.layers])
    variances = _finite([layer.variance for layer in last.layers])
    top = max([1.0, *(value for _, value in [*means, *variances])])
    high = 1.0 if top <= 1.0 else float(math.ceil(top * 10) / 10) if top < 10 else float(math.ceil(top))
    ticks = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")] + ([(high, exact(high))] if high > 1.2 else [])
    drawing = _drawing(
        "share of the way from the initial to the batch statistics that is left, per layer",
        [("moving mean", means), ("moving variance", variances)],
        len(last.layers),
        (0.0, high),
        ticks if high < 4 else [(0.0, "0"), (1.0, "1"), (high, exact(high))],
        reference=float(last.initial_weight),
        unit="",
    )
    sentence = sentences.remaining_distance(
        last.updates, last.momentum, last.initial_weight, last.moving_to_batch_distance
    )
    return {"sentence": sentence, "drawing": drawing}
