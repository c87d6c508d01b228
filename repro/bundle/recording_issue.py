"""Writes a bug report for a recording: what was measured in the program, what was tried, and what the report lacks."""

from __future__ import annotations

from collections.abc import Callable

from repro.base.text import exact, markdown, one_line
from repro.environment.facts import facts_of
from repro.explain import recorded_words as words
from repro.explain.diagnosis import diagnose
from repro.runs import layout
from repro.runs.recorded_files import packages_of
from repro.runs.view import RunView

MAX_ROWS = 12


class Parts:
    """The pieces that all forms are made of, from a recording that is redacted already.

    `rows`: how many rows a table of data or figures may have.
    """

    def __init__(self, run: RunView, rows: int = MAX_ROWS) -> None:
        self.run = run
        self.rows = rows
        self.facts = facts_of(run.environment)
        recording = run.progress.recorded
        self.recording = recording
        self.fit = recording.fit if recording is not None else None
        self.findings = diagnose(run.run)

    def fact(self, key: str) -> str:
        """Return one fact of the environment record."""
        value = self.facts.get(key)
        return "not known" if value in (None, "") else one_line(exact(value), 160)

    @property
    def heading(self) -> str:
        first = self.findings[0]
        return markdown(one_line(f"{self.run.record.scenario}: {first.says}", 300))

    @property
    def gpu(self) -> str:
        return "none used (CPU)" if self.facts.get("device") != "gpu" else self.fact("gpus[0].device_name")

    @property
    def framework(self) -> str:
        recorded = self.run.recorded
        return one_line(
            f"Keras {recorded.keras} ({recorded.keras_module}, backend {recorded.backend}), "
            f"TensorFlow {recorded.tensorflow}, Python {recorded.python}",
            200,
        )

    def program(self) -> str:
        """Return what is known of the program, and how it was trained."""
        rows = [*words.program(self.run.recorded), ("command line", " ".join(self.run.record.command))]
        if self.fit is not None:
            rows += words.training(self.fit)
        if self.run.network is not None:
            rows.append(("network", self.run.network))
        return "\n".join(f"- {name}: {markdown(one_line(exact(value), 400))}" for name, value in rows)

    def data(self) -> str:
        """Return the facts of the data as a Markdown table."""
        rows = words.data(self.fit) if self.fit is not None else []
        if not rows:
            return "Nothing is known of the data."
        return _table(("", "shape", "values", "to note"), rows, self.rows)

    def figures(self) -> str:
        """Return the figures of both phases as a Markdown table."""
        curve = self.run.figures.fit
        rows = words.figures(self.fit, curve.loss, curve.accuracy) if self.fit is not None else []
        lines = [_table(("", "loss", "accuracy", "samples"), rows, self.rows)] if rows else ["Nothing was measured."]
        apart = words.first_apart(self.fit) if self.fit is not None else None
        return "\n\n".join([*lines, *([] if apart is None else [f"{markdown(apart)}."])])

    def finding(self) -> str:
        """Return every finding with its confidence and what to do about it."""
        lines = []
        for one in self.findings:
            confidence = one.numbers.get("confidence")
            lines.append(f"- **{one.cause}** ({confidence}): {markdown(one.says)}. Remedy: {markdown(one.remedy)}.")
        return "\n".join(lines)

    def tried(self) -> str:
        """Return what was tried in the program at the weights that fit left."""
        lines = [line for finding in self.findings for line in words.tried(finding)]
        if not lines:
            return "Nothing could be tried in the program."
        return "\n".join(f"- {markdown(line)}" for line in dict.fromkeys(lines))

    def lacking(self) -> str:
        """Return what a reader will ask for and is not in this text."""
        recorded = self.run.recorded
        lines = [
            "the program: only its hash is above. A short one that shows the same, on random data, is what is asked "
            "for first",
            "the data: only figures of it are above",
        ]
        if any("<argument-" in word for word in self.run.record.command):
            lines.append("some arguments, which were replaced")
        if recorded.git is None:
            lines.append("a git commit of the program")
        if self.run.state != "finished":
            lines.append(f"the end: the program was {self.run.state}")
        if self.recording is not None:
            lines += [f"not measured: {line}" for line in words.missing(self.recording)[: self.rows]]
        missing = self.run.environment.get("missing", {})
        lines += [f"{name} of the machine: {reason}" for name, reason in missing.items()]
        return "\n".join(f"- {markdown(one_line(line, 300))}" for line in lines)

    def machine(self) -> list[tuple[str, str]]:
        """Return what a form asks about the machine."""
        return [
            ("CPU", f"{self.fact('cpu.model')}, {self.fact('cpu.instruction_sets')}"),
            ("oneDNN", self.fact("onednn")),
            ("threads", f"intra-op {self.fact('threads.intra_op')}, inter-op {self.fact('threads.inter_op')}"),
            ("op determinism", self.fact("determinism.op_determinism")),
        ]

    def packages(self) -> str:
        """Return all packages of the program's Python."""
        lock = self.run.run.file(layout.PACKAGE_LOCK)
        packages = packages_of(lock.read_text(encoding="utf-8")) if lock.is_file() else None
        if packages is None:
            return "Not known."
        return "\n".join(["```text", *(f"{name}=={version}" for name, version in packages.items()), "```"])


def _table(head: tuple[str, ...], rows: list[words.DataRow] | list[words.FigureRow], most: int) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows[:most]:
        lines.append("| " + " | ".join("" if cell == "" else markdown(exact(cell)) for cell in row) + " |")
    return "\n".join([*lines, *([f"and {len(rows) - most} rows more"] if len(rows) > most else [])])


def _sections(parts: Parts) -> list[tuple[str, str]]:
    """Return what every tracker gets, under its own headings."""
    return [
        ("Figures", parts.figures()),
        ("Finding", parts.finding()),
        ("What was tried, in the program, at the weights that fit left", parts.tried()),
        ("Program and training", parts.program()),
        ("Data", parts.data()),
        ("What is missing here", parts.lacking()),
        ("All packages", f"<details><summary>All packages</summary>\n\n{parts.packages()}\n\n</details>"),
    ]


def _keras(parts: Parts) -> str:
    lines = [
        f"**{parts.heading}**",
        "",
        "**System information**",
        "- Custom code: yes; recorded while it trained, unchanged",
        f"- OS platform and distribution: {parts.fact('os.name')}, kernel {parts.fact('kernel')}, {parts.fact('libc')}",
        f"- {parts.framework}",
        f"- GPU model and memory: {parts.gpu}",
        *[f"- {name}: {value}" for name, value in parts.machine()],
    ]
    for name, value in _sections(parts):
        lines += ["", f"**{name}**", "", value]
    return "\n".join(lines) + "\n"


def _tensorflow(parts: Parts) -> str:
    fields = [
        ("Issue type", "Support"),
        ("Source", "binary"),
        ("TensorFlow version", f"{parts.fact('versions.tensorflow')} ({parts.fact('tensorflow_build.git_version')})"),
        ("Custom code", "Yes"),
        ("OS platform and distribution", f"{parts.fact('os.name')}, kernel {parts.fact('kernel')}"),
        ("Python version", parts.fact("python.version")),
        ("GPU model and memory", parts.gpu),
        (
            "Current behavior?",
            f"{parts.heading}\n\n" + "\n".join(f"- {name}: {value}" for name, value in parts.machine()),
        ),
        *_sections(parts),
    ]
    return "\n\n".join(f"### {name}\n\n{value}" for name, value in fields) + "\n"


def _stackoverflow(parts: Parts) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in parts.machine())
    lines = [f"# {parts.heading}", "", f"{parts.framework}, {parts.fact('os.name')}; {machine}."]
    for name, value in _sections(parts)[:-1]:
        lines += ["", f"## {name}", "", value]
    return "\n".join([*lines, "", "## All packages", "", parts.packages(), ""])


FORMS: dict[str, Callable[[Parts], str]] = {
    "keras": _keras,
    "tensorflow": _tensorflow,
    "stackoverflow": _stackoverflow,
}
