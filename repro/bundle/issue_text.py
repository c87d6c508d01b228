"""Writes a bug report for a run: the fields that a tracker asks for, the figures, and a script that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from repro.base.errors import InputError
from repro.base.text import exact, markdown, one_line
from repro.bundle import recording_issue
from repro.bundle.export import redacted_copy
from repro.bundle.redact.run import redactor_for
from repro.bundle.report import reproduce_line
from repro.bundle.standalone import script_of
from repro.environment import definition
from repro.environment.facts import facts_of
from repro.explain import sentences
from repro.runs.records import ClaimResult
from repro.runs.view import RunView
from repro.scenario.types import Scenario

Tracker = Literal["keras", "tensorflow", "stackoverflow"]
TRACKERS: tuple[Tracker, ...] = ("keras", "tensorflow", "stackoverflow")
MAX_CHARACTERS = 5_990
# Of a recording's text, which holds all packages; what trackers take is more.
MAX_RECORDING_CHARACTERS = 29_900
# Packages of which the script's figures depend, and those without which old ones do not import.
_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "tf-keras", "numpy", "h5py", "protobuf")
_SAME_FIGURES = (
    "With the run's own pixels (`arrays/images.npy` of the bundle) it gives the figures above, on another machine but "
    "for round-off; with the images it draws, other digits and the same contrast."
)


@dataclass(frozen=True)
class IssueText:
    """What to paste, and the script in it."""

    tracker: Tracker
    text: str
    script: str


def write(run: RunView, tracker: Tracker) -> IssueText:
    """Return the text for one tracker, under 6,000 characters; InputError if the run has no result.

    That of a recording is longer, since it has all packages, and has no script of ours.
    """
    if run.is_recording:
        return IssueText(tracker, _of_recording(run, tracker), "")
    if run.result is None:
        what = f"the run {run.id} is {run.state}: it has no figures to report"
        raise InputError(what, do="run it again" if run.state == "damaged" else "resume it, or run it again")
    if run.is_program:
        what = f"the run {run.id} is a program's training: its text would be the program"
        raise InputError(what, do="attach a bundle: repro export --with-script")
    scenario = run.run.require_scenario()
    code = script_of(run.record, scenario)
    claims = [claim for claim in run.result.claims if claim.outcome != "skipped"]
    # What can be done without goes first, until the text is short enough; the script is never cut.
    for claim_count in (len(claims), 6, 3, 0):
        parts = _Parts(run, scenario, code, claims[:claim_count], short=claim_count < len(claims))
        text = _redacted(_FORMS[tracker](parts))
        if len(text) <= MAX_CHARACTERS:
            return IssueText(tracker, text, code)
    raise InputError(f"the text for {run.id} does not fit into 6,000 characters", do="shorten the scenario's title")


def _of_recording(run: RunView, tracker: Tracker) -> str:
    """Return the text of a recording, made from what a bundle of it would hold."""
    with redacted_copy(run) as copy:
        for rows in (recording_issue.MAX_ROWS, 4, 1):
            text = _redacted(recording_issue.FORMS[tracker](recording_issue.Parts(copy, rows)))
            if len(text) <= MAX_RECORDING_CHARACTERS:
                return text
    raise InputError(f"the text for {run.id} does not fit into 30,000 characters", do="export a bundle instead")


def _redacted(text: str) -> str:
    return redactor_for([]).text(text, "issue")


class _Parts:
    """The pieces that all forms are made of."""

    def __init__(self, run: RunView, scenario: Scenario, code: str, claims: list[ClaimResult], *, short: bool) -> None:
        self.run = run
        self.scenario = scenario
        self.code = code
        self.claims = claims
        self.facts = facts_of(run.environment)
        self.measurements = run.measurements
        self.short = short

    def fact(self, key: str, otherwise: str = "not known") -> str:
        """Return one fact of the environment record."""
        value = self.facts.get(key)
        return otherwise if value is None or value == "" else one_line(exact(value), 120)

    @property
    def heading(self) -> str:
        return one_line(self.scenario.title, 200)

    @property
    def model(self) -> str:
        momentum = self.measurements.get("batch_norm", {}).get("momentum")
        model, fit = self.scenario.model, self.scenario.fit
        description = f"{model.name} with {model.classes} classes and random weights"
        if momentum is not None:
            description += f", BatchNormalization momentum {momentum}"
        images = len(self.run.record.images)
        return f"{description}, {self.scenario.compile.optimizer}, {fit.epochs} epochs on {images} images"

    @property
    def framework(self) -> str:
        return f"Keras {self.fact('versions.keras')}, TensorFlow {self.fact('versions.tensorflow')}"

    @property
    def gpu(self) -> str:
        if self.facts.get("device") != "gpu":
            return "none used (CPU)"
        return self.fact("gpus[0].device_name", "a GPU")

    @property
    def cuda(self) -> str:
        if self.facts.get("device") != "gpu":
            return "none used (CPU)"
        return f"{self.fact('tensorflow_build.cuda_version')} / {self.fact('tensorflow_build.cudnn_version')}"

    def figures(self) -> str:
        """Return the figures as a Markdown table."""
        measurements = self.measurements
        lines = ["| | loss | accuracy |", "|---|---|---|"]
        fit = measurements["fit"]
        lines.append(f"| `fit`, last epoch | {exact(fit['loss'][-1])} | {exact(fit['accuracy'][-1])} |")
        names = {
            "evaluate": "`evaluate` (inference phase)",
            "evaluate_training_phase": "same weights, training phase",
            "validation": "`evaluate`, validation images",
        }
        for key, name in names.items():
            if measurements.get(key):
                loss, accuracy = exact(measurements[key]["loss"]), exact(measurements[key]["accuracy"])
                lines.append(f"| {name} | {loss} | {accuracy} |")
        if measurements.get("predict"):
            predict = measurements["predict"]
            lines.append(f"| `predict`: classes {exact(predict['classes'])} | | {exact(predict.get('accuracy'))} |")
        if self.claims:
            source = self.scenario.source
            lines += ["", f"Checked, claim by claim ({markdown(one_line(source, 200))}):" if source else "Checked:"]
            lines += [f"- {claim.outcome}: {markdown(one_line(claim.says, 160))}" for claim in self.claims]
        return "\n".join(lines)

    def why(self) -> str:
        """Return why it is not an error in the calls, or that it is the expected behaviour."""
        reasons = sentences.why(self.measurements, len(self.run.record.images))
        if not reasons:
            return "Whether it is a defect is for you to judge; the figures above are all that was measured."
        return " ".join(reasons)

    def expected(self) -> str:
        """Return what one would expect, in a sentence."""
        return "The same images, seen in training, are classified alike by `fit`, `evaluate` and `predict`."

    def reproduce(self) -> str:
        """Return the exact command, and the hash of the weights that it gives."""
        sha256 = exact(self.measurements.get("weights_sha256"))
        return f"`{reproduce_line(self.run, f'{self.scenario.name}.yaml')}` (final weights SHA-256 `{sha256}`)"

    def packages(self) -> str:
        """Return the packages that the script needs, with their versions."""
        environment = definition.get(self.run.record.environment)
        locked = environment.locked_versions()
        if environment.definition.adapter != "tf-keras":
            locked.pop("tf-keras", None)
        pins = " ".join(f"{name}=={locked[name]}" for name in _PACKAGES if name in locked)
        return f"Plain Keras, in Python {self.fact('python.version')} with `pip install {pins}`:"

    def machine(self) -> list[tuple[str, str]]:
        """Return what a form asks about the machine."""
        return [
            ("CPU", f"{self.fact('cpu.model')}, {self.fact('cpu.instruction_sets')}"),
            ("oneDNN", self.fact("onednn")),
            ("threads", f"intra-op {self.fact('threads.intra_op')}, inter-op {self.fact('threads.inter_op')}"),
            ("numpy", self.fact("numpy")),
        ]


def _standalone(parts: _Parts) -> str:
    """Return how to run the script, and the script."""
    return f"{parts.packages()}\n```python\n{parts.code}```\n{_SAME_FIGURES}"


def _keras(parts: _Parts) -> str:
    lines = [
        f"**{markdown(parts.heading)}**",
        "",
        "**System information**",
        "- Custom code: yes, the script below; no stock example",
        f"- OS platform and distribution: {parts.fact('os.name')}, kernel {parts.fact('kernel')}, {parts.fact('libc')}",
        "- TensorFlow installed from: binary",
        f"- TensorFlow version: {parts.fact('versions.tensorflow')} ({parts.fact('tensorflow_build.git_version')})",
        f"- Keras version and backend: {parts.fact('versions.keras')}, {parts.fact('versions.backend')}",
        f"- Python version: {parts.fact('python.version')}",
        "- Bazel version: not compiled from source",
        f"- GPU model and memory: {parts.gpu}",
        f"- Exact command to reproduce: {parts.reproduce()}",
        *[f"- {name}: {value}" for name, value in parts.machine()],
        "",
        "**Describe the problem**",
        f"{parts.model}.",
        "",
        "**Current behavior**",
        parts.figures(),
        "",
        "**Expected behavior**",
        parts.expected(),
        "",
        "**Is it a defect?**",
        parts.why(),
        "",
        "**Standalone code to reproduce the issue**",
        _standalone(parts),
    ]
    return "\n".join(lines) + "\n"


def _tensorflow(parts: _Parts) -> str:
    fields = [
        ("Issue type", "Support" if sentences.is_expected(parts.measurements) else "Bug"),
        ("Have you reproduced the bug with TensorFlow Nightly?", "No"),
        ("Source", "binary"),
        ("TensorFlow version", f"{parts.fact('versions.tensorflow')} ({parts.fact('tensorflow_build.git_version')})"),
        ("Custom code", "Yes"),
        ("OS platform and distribution", f"{parts.fact('os.name')}, kernel {parts.fact('kernel')}"),
        ("Mobile device", "none"),
        ("Python version", parts.fact("python.version")),
        ("Bazel version", "not compiled from source"),
        ("GCC/compiler version", f"not compiled from source (built with {parts.fact('tensorflow_build.compiler')})"),
        ("CUDA/cuDNN version", parts.cuda),
        ("GPU model and memory", parts.gpu),
        (
            "Current behavior?",
            f"{markdown(parts.heading)}. {parts.model}; {parts.framework}.\n\n{parts.figures()}\n\n"
            f"Expected: {parts.expected()}\n\n{parts.why()}\n\n"
            + "\n".join(f"- {name}: {value}" for name, value in parts.machine()),
        ),
        ("Standalone code to reproduce the issue", f"{_standalone(parts)}\n\nOr: {parts.reproduce()}"),
        ("Relevant log output", "The figures above."),
    ]
    return "\n\n".join(f"### {name}\n\n{value}" for name, value in fields) + "\n"


def _stackoverflow(parts: _Parts) -> str:
    lines = [
        f"# {markdown(parts.heading)}",
        "",
        f"{parts.model}; {parts.framework}, Python {parts.fact('python.version')}, {parts.fact('os.name')}.",
        "",
        parts.figures(),
        "",
        "## Code",
        "",
        _standalone(parts),
        "",
        "## What I found out",
        "",
        parts.why(),
        "",
        "## To see exactly these figures",
        "",
        f"{parts.reproduce()}; " + ", ".join(f"{name} {value}" for name, value in parts.machine()) + ".",
        "",
        "Is that explanation right, and which remedy is the usual one?",
    ]
    return "\n".join(lines) + "\n"


_FORMS = {"keras": _keras, "tensorflow": _tensorflow, "stackoverflow": _stackoverflow}
