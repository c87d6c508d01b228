"""The scenarios as the library shows them, shipped ones and the user's files; one that breaks keeps its old content."""

from __future__ import annotations

import contextlib
import re
import shlex
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from repro.base import shipped
from repro.base.errors import InputError
from repro.base.text import one_line
from tui.text import BAD, QUIET

if TYPE_CHECKING:
    from repro.scenario.load import Loaded

OWN, FAULTY = "own", "faulty"
GROUPS = {
    "report": "The report",
    "verification": "Verification",
    "remedy": "Remedies",
    "control": "Controls",
    OWN: "Your files",
    FAULTY: "Cannot be read",
}
MOST_FILES = 100
MOST_BYTES = 256 * 1024
_SCANNED = re.compile(r"^(name|title|group): *(\S.*?)\s*$", re.MULTILINE)
_EPOCHS = re.compile(r"\bepochs: *(\d+)")
_SECTIONS = re.compile(r"^(images|model|compile|fit|measure|claims):", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One line of the library. `key` is what `repro run` takes: a shipped name, or a path."""

    key: str
    name: str
    title: str
    group: str
    epochs: int


@dataclass(frozen=True)
class Fault:
    """Why a file does not load: what to say, and what stands around the line."""

    text: str
    line: int | None
    content: str


@dataclass
class ScenarioList:
    """Scenarios by key: shipped ones, those of the working folder, those that were opened."""

    environments: Sequence[str]
    opened: list[Path] = field(default_factory=list)
    folder: Path = field(default_factory=Path.cwd)
    entries: dict[str, Entry] = field(default_factory=dict)
    loaded: dict[str, Loaded] = field(default_factory=dict)
    broken: dict[str, Fault] = field(default_factory=dict)
    _stamps: dict[str, tuple[int, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def quick_scan(self) -> None:
        """The shipped scenarios as their first lines say, unchecked: for the first paint, since reading takes 0.1 s."""
        for file in sorted(shipped.folder("scenarios").glob("*.yaml")):
            with contextlib.suppress(OSError, UnicodeDecodeError, KeyError):
                text = file.read_text(encoding="utf-8")
                said = dict(_SCANNED.findall(text))
                epochs = _EPOCHS.search(text, text.find("\nfit:"))
                if epochs is not None and said["group"] in GROUPS:
                    title = said["title"].strip("\"'")
                    self.entries[file.stem] = Entry(file.stem, said["name"], title, said["group"], int(epochs[1]))

    def refresh(self) -> tuple[bool, list[str]]:
        """Read what changed: whether anything did, and what is wrong with files that broke."""
        with self._lock:  # two threads may look at once: the timer's, and that of a file just opened
            return self._refresh()

    def _refresh(self) -> tuple[bool, list[str]]:
        from repro.scenario.load import load

        changed, faults = False, []
        stamps: dict[str, tuple[int, int]] = {}
        for key, file, own in self._files():
            try:
                status = file.stat()
            except OSError:
                continue
            stamps[key] = (status.st_mtime_ns, status.st_size)
            if self._stamps.get(key) == stamps[key]:
                continue
            changed = True
            try:
                one = load(file, environments=self.environments)
                said = one.require_images()
            except (InputError, OSError) as error:
                fault = _fault(file, error)
                stays = " (the old content stays)" if key in self.loaded else ""
                faults.append(fault.text + stays)
                self.broken[key] = fault
                if key not in self.loaded:
                    self.entries[key] = Entry(key, file.stem, "", OWN if own else FAULTY, 0)
                continue
            self.broken.pop(key, None)
            self.loaded[key] = one
            self.entries[key] = Entry(key, said.name, said.title, OWN if own else said.group, said.fit.epochs)
        for key in set(self.entries) - set(stamps):
            changed = True
            del self.entries[key]
            self.loaded.pop(key, None)
            self.broken.pop(key, None)
        gone = [file for file in self.opened if not file.exists()]
        faults += [f"{one_line(file, 200)}: the file is gone" for file in gone]
        self.opened = [file for file in self.opened if file not in gone]
        self._stamps = stamps
        return changed, faults

    def _files(self) -> Iterator[tuple[str, Path, bool]]:
        """Key and file of every scenario, and whether it is the user's."""
        from repro.scenario.load import shipped_files

        known = set()
        for file in shipped_files():
            known.add(file.resolve())
            yield file.stem, file, False
        found = [*self.opened]
        for folder in (self.folder, self.folder / "scenarios"):
            with contextlib.suppress(OSError):
                found += [file for file in sorted(folder.glob("*.yaml"))[:MOST_FILES] if is_like_a_scenario(file)]
        for file in found:
            if file.resolve() not in known:
                known.add(file.resolve())
                yield self.key(file), file, True

    def key(self, file: Path) -> str:
        """What one would type for this file here."""
        path = file.absolute()
        return f"./{path.relative_to(self.folder)}" if path.is_relative_to(self.folder) else str(path)

    def open(self, text: str) -> str:
        """Put a file of the user's on the shelf: its key; InputError where there is none."""
        file = file_of(text)
        if file is None:
            raise InputError(
                f"{one_line(text.strip(), 100)} is not a file", do="give the path of a scenario file (.yaml)"
            )
        if file.resolve() not in {one.resolve() for one in self.opened}:
            self.opened.append(file)
        self._stamps.pop(self.key(file), None)
        return self.key(file)

    def groups(self) -> list[tuple[str, list[Entry]]]:
        """Title of each group with its scenarios, the shorter ones first."""
        found = []
        for group, title in GROUPS.items():
            members = [entry for entry in self.entries.values() if entry.group == group]
            if members:
                found.append((title, sorted(members, key=lambda entry: (entry.epochs, entry.key))))
        return found


def _fault(file: Path, error: InputError | OSError) -> Fault:
    if isinstance(error, InputError):
        text = str(error).replace(f"{file}:", f"{file.name}:", 1)
        line = error.line
    else:
        text, line = f"{file.name}: {error.strerror}", None
    content = ""
    with contextlib.suppress(OSError), file.open("rb") as stream:
        content = stream.read(MOST_BYTES).decode("utf-8", "replace")
    return Fault(one_line(text, 400), line, content)


def is_like_a_scenario(file: Path) -> bool:
    """Whether a YAML file of a working folder is meant as a scenario, right or wrong."""
    try:
        with file.open(encoding="utf-8") as stream:
            return len(set(_SECTIONS.findall(stream.read(MOST_BYTES)))) >= 3
    except (OSError, UnicodeDecodeError):
        return False


def file_of(text: str) -> Path | None:
    """The file that a typed or pasted path means; terminals quote what is dropped on them."""
    candidates = [text.strip()]
    with contextlib.suppress(ValueError):
        candidates += shlex.split(text)[:1]
    for candidate in candidates:
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            file = Path(candidate.removeprefix("file://")).expanduser()
            if candidate and file.is_file():
                return file.absolute()
    return None


def marked(fault: Fault, around: int = 8) -> Content:
    """The lines around a fault, with their numbers; the faulty one stands out."""
    lines = fault.content.splitlines()
    at = (fault.line or 1) - 1
    first = max(0, at - around)
    found = []
    for number, line in enumerate(lines[first : at + around + 1], first):
        shown = f"{number + 1:>4}  {one_line(line, 300)}"
        this = number + 1 == fault.line
        found.append(Content.styled(f"▶{shown}", BAD) if this else Content.styled(f" {shown}", QUIET))
    return Content("\n").join(found)


_LINE = re.compile(r"^(\s*(?:- )?)(\{?[A-Za-z_0-9.-]+)(:)(?=\s|$)")


def yaml(text: str) -> Content:
    """YAML with its keys and comments set apart; enough for the scenarios' plain style."""
    lines = []
    for raw in text.splitlines():
        line = one_line(raw, 400) if raw.strip() else ""
        if line.lstrip().startswith("#"):
            lines.append(Content.styled(line, QUIET))
            continue
        match = _LINE.match(line)
        if match is None:
            lines.append(Content(line))
            continue
        rest = line[match.end() :]
        parts: list[tuple[str, str]] = [(match[1], ""), (match[2], "$text-accent"), (":", QUIET)]
        if rest.lstrip().startswith(("{", "[")):
            place = 0
            for inner in re.finditer(r"([A-Za-z_]+):(?= )", rest):
                parts += [(rest[place : inner.start()], ""), (inner[1], "$text-accent"), (":", QUIET)]
                place = inner.end()
            parts.append((rest[place:], ""))
        else:
            parts.append((rest, "$text-warning" if re.fullmatch(r"\s*[-+0-9.e]+", rest) else ""))
        lines.append(Content.assemble(*parts))
    return Content("\n").join(lines)
