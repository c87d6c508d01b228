"""Makes report.html, README.md and reproduce.py of a bundle from redacted runs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro.base import arrays
from repro.base.errors import InputError
from repro.base.text import code, escape_control, exact, markdown, one_line
from repro.bundle.standalone import script_of
from repro.environment.facts import facts_of
from repro.explain import sentences
from repro.runs import layout
from repro.runs.records import NOTHING_MEASURED, ClaimResult, Measurements
from repro.runs.verdict import decide_all
from repro.runs.view import RunView
from repro.scenario import images as scenario_images
from repro.scenario.load import trains_as_shipped
from repro.scenario.types import Scenario

TEMPLATES = Path(__file__).resolve().parent / "templates"
MAX_POINTS = 400
# A page with thousands of pictures helps nobody.
MOST_PICTURES = 48
WIDTH, HEIGHT = 640, 200
_SHOWN_FACTS = (
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
class Pages:
    """README.md, report.html, scripts and pictures, by name in the bundle."""

    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """One training image with what was predicted for it."""

    file: str
    png: bytes
    name: str
    label: int
    probabilities: list[Any] | None
    predicted: int | None

    @property
    def data(self) -> str:
        return base64.b64encode(self.png).decode()


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


def make(runs: Sequence[RunView]) -> Pages:
    """Return all pages of runs, which must be redacted already."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_safe,
    )
    environment.filters.update(exact=exact, md=_markdown, code=code)
    scripts = [_script(run) for run in runs]
    names = [f"reproduce-{index + 1}.py" if len(runs) > 1 else "reproduce.py" for index in range(len(runs))]
    views = [
        _view(run, name if code is not None else None) for run, name, code in zip(runs, names, scripts, strict=True)
    ]
    files = {picture.file: picture.png for view in views for picture in view["pictures"]}
    files |= {name: code.encode() for name, code in zip(names, scripts, strict=True) if code is not None}
    for name in ("README.md", "report.html"):
        files[name] = (
            environment.get_template(f"{name}.j2")
            .render(runs=views, width=WIDTH, height=HEIGHT, most_pictures=MOST_PICTURES)
            .encode()
        )
    return Pages(files)


def _script(run: RunView) -> str | None:
    """Return the run as a script of plain Keras; None if no script can express it."""
    try:
        return script_of(run.record, run.run.require_scenario())
    except InputError:
        return None


def _safe(value: Any) -> Any:
    """Escape control characters of text that a template prints; what is markup already stays."""
    return escape_control(value, keep="\n") if type(value) is str else value


def _markdown(value: Any) -> str:
    return markdown(one_line(" ".join(value.split()), 20_000) if isinstance(value, str) else exact(value))


def _view(run: RunView, script: str | None) -> dict[str, Any]:
    record = run.record
    scenario = run.run.require_scenario()
    # Every group is there, None where it was not measured.
    measurements: dict[str, Any] = {**dict.fromkeys(Measurements.__struct_fields__), **run.measurements}
    facts = {**facts_of(run.environment), "network": run.network}
    pictures = _pictures(run, measurements)
    fit = measurements["fit"]
    return {
        "id": run.id,
        "record": record,
        "scenario": scenario,
        "state": run.state,
        "verdict": run.verdict,
        "in_short": sentences.summary(measurements, len(record.images)),
        "script": script,
        "python": facts.get("python.version", "of that environment"),
        "only": {claim.id: ", ".join(claim.only) for claim in scenario.claims if claim.only},
        "verdict_means": _verdict_meaning(run),
        "degraded": run.result is not None and run.result.degraded,
        "claims": _claims(run, scenario),
        "measurements": measurements,
        "figures": _figures(measurements),
        "epochs": _epoch_rows(fit["loss"], fit["accuracy"]),
        "curves": _curves(fit["loss"], fit["accuracy"]),
        "drift": _drift(run),
        "pictures": pictures,
        "images": record.images,
        "facts": [(name, facts[key]) for name, key in _SHOWN_FACTS if facts.get(key) is not None],
        "missing": run.environment.get("missing", {}),
        "warnings": [one_line(warning, 400) for warning in run.progress.warnings],
        "reproduce": reproduce_line(run, f"runs/{run.id}/{layout.SCENARIO}"),
        "seconds": run.result.seconds if run.result is not None else run.progress.seconds,
    }


def _verdict_meaning(run: RunView) -> str:
    if run.verdict is not None:
        return sentences.verdict_meaning(run.verdict)
    ended = run.progress.ended
    return sentences.ending(run.state, one_line(ended.reason, 300) if ended is not None else "")


def _claims(run: RunView, scenario: Scenario) -> list[ClaimResult]:
    if run.result is not None:
        return run.result.claims
    return decide_all(scenario, NOTHING_MEASURED, run.record.environment)


def reproduce_line(run: RunView, file: str) -> str:
    """Return the command that does the same again, made from the record and not from what was typed.

    `file`: the scenario's path if it is not a shipped one.
    """
    record = run.record
    command = ["repro", "run", record.scenario if trains_as_shipped(run.run.require_scenario()) else file]
    command += ["--environment", record.environment, "--seed", str(record.seed)]
    command += ["--threads", str(record.threads)]
    if record.device != "auto":
        command += ["--device", record.device]
    if record.deterministic:
        command.append("--deterministic")
    if not record.shipped_images:
        command += ["--images", "FOLDER"]
        scenario = run.run.require_scenario()
        convert = scenario_images.conversion(scenario.images, [*record.images, *record.validation_images])
        command += ["--convert", convert] if convert is not None else []
    if record.model_sha256 is not None:
        command.append("--trust")
    return " ".join(command)


def _figures(measurements: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return (name, loss, accuracy) of each way to measure."""
    rows: list[tuple[str, Any, Any]] = []
    fit = measurements["fit"]
    if fit["loss"]:
        rows.append((f"fit, epoch {len(fit['loss'])}", fit["loss"][-1], fit["accuracy"][-1]))
    names = {
        "evaluate": "evaluate (inference phase)",
        "evaluate_training_phase": "the same weights in training phase",
        "validation": "evaluate on the validation images",
    }
    for key, name in names.items():
        if measurements.get(key) is not None:
            rows.append((name, measurements[key]["loss"], measurements[key]["accuracy"]))
    if measurements.get("predict") is not None:
        rows.append(("predict", None, measurements["predict"].get("accuracy")))
    return rows


def _pictures(run: RunView, measurements: dict[str, Any]) -> list[Picture]:
    file = run.run.file(layout.IMAGES)
    if not file.exists():
        return []
    from PIL import Image

    pixels = arrays.read_pixels(file)
    predict = measurements.get("predict") or {}
    pictures = []
    for index, (array, record) in enumerate(zip(pixels[:MOST_PICTURES], run.record.images, strict=False)):
        stream = io.BytesIO()
        Image.fromarray(array[:, :, 0] if array.shape[-1] == 1 else array).save(stream, "PNG", optimize=False)
        rows, classes = predict.get("probabilities", []), predict.get("classes", [])
        pictures.append(
            Picture(
                file=f"pictures/{record.label:04d}-{record.pixels_sha256[:16]}.png",
                png=stream.getvalue(),
                name=record.name,
                label=record.label,
                probabilities=rows[index] if index < len(rows) else None,
                predicted=classes[index] if index < len(classes) else None,
            )
        )
    return pictures


# --- drawings ---


def _epoch_rows(loss: list[Any], accuracy: list[Any]) -> list[tuple[int, Any, Any]]:
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


def _curves(loss: list[Any], accuracy: list[Any]) -> list[Drawing]:
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


def _drift(run: RunView) -> dict[str, Any] | None:
    """Draw the last drift of every BatchNormalization layer; None if none was measured."""
    drift = run.progress.drift
    if not drift:
        return None
    last = drift[max(drift)]
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
