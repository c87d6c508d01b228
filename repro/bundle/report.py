"""Makes report.html, README.md and reproduce.py of a bundle from redacted runs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro.base import arrays
from repro.base.errors import InputError
from repro.base.text import code, escape_control, exact, markdown, one_line
from repro.bundle import recording_report
from repro.bundle.report_parts import HEIGHT, SHOWN_FACTS, WIDTH, curves, drift, epoch_rows
from repro.bundle.standalone import script_of
from repro.environment.facts import facts_of
from repro.explain import sentences
from repro.runs import layout
from repro.runs.records import NOTHING_MEASURED, ClaimResult, Measurements
from repro.runs.verdict import decide_all
from repro.runs.view import RunView
from repro.scenario import images as scenario_images
from repro.scenario.load import trains_as_shipped
from repro.scenario.script_types import AnyScenario

TEMPLATES = Path(__file__).resolve().parent / "templates"
# A page with thousands of pictures helps nobody.
MOST_PICTURES = 48


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
        recording_report.view(run) if run.is_recording else _view(run, name if code is not None else None)
        for run, name, code in zip(runs, names, scripts, strict=True)
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
    """Return the run as a script of plain Keras; None for a recording, and if no script can express it."""
    if run.is_recording or run.is_program:
        return None
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
    scenario = run.run.require_any_scenario()
    # Every group is there, None where it was not measured.
    measurements: dict[str, Any] = {**dict.fromkeys(Measurements.__struct_fields__), **run.measurements}
    facts = {**facts_of(run.environment), "network": run.network}
    pictures = _pictures(run, measurements)
    fit = measurements["fit"]
    return {
        "is_recording": False,
        "has_script": False,
        "has_samples": False,
        "id": run.id,
        "title": scenario.title,
        "heading": f"{scenario.name} in {record.environment}, seed {record.seed}",
        "outcome": run.verdict or run.state,
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
        "epochs": epoch_rows(fit["loss"], fit["accuracy"]),
        "curves": curves(fit["loss"], fit["accuracy"]),
        "drift": drift(run),
        "pictures": pictures,
        "images": record.images,
        "facts": [(name, facts[key]) for name, key in SHOWN_FACTS if facts.get(key) is not None],
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


def _claims(run: RunView, scenario: AnyScenario) -> list[ClaimResult]:
    if run.result is not None:
        return run.result.claims
    return decide_all(scenario, NOTHING_MEASURED, run.record.environment)


def reproduce_line(run: RunView, file: str) -> str:
    """Return the command that does the same again, made from the record and not from what was typed.

    `file`: the scenario's path if it is not a shipped one.
    """
    record = run.record
    command = ["repro", "run", record.scenario if trains_as_shipped(run.run.require_any_scenario()) else file]
    command += ["--environment", record.environment, "--seed", str(record.seed)]
    command += ["--threads", str(record.threads)]
    if record.device != "auto":
        command += ["--device", record.device]
    if record.deterministic:
        command.append("--deterministic")
    if not record.shipped_images and not run.is_program:
        command += ["--images", "FOLDER"]
        scenario = run.run.require_scenario()
        convert = scenario_images.conversion(scenario.images, [*record.images, *record.validation_images])
        command += ["--convert", convert] if convert is not None else []
    if record.model_sha256 is not None or run.is_program:
        command.append("--trust")
    return " ".join(command)


def _figures(measurements: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return (name, loss, accuracy) of each way to measure."""
    rows: list[tuple[str, Any, Any]] = []
    fit = measurements["fit"]
    if fit["loss"]:
        accuracy = fit["accuracy"][-1] if fit["accuracy"] else None  # a program may have none
        rows.append((f"fit, epoch {len(fit['loss'])}", fit["loss"][-1], accuracy))
    names = {
        "evaluate": "evaluate (inference phase)",
        "inference": "the recorder's own measurement in inference phase",
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
