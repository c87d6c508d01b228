"""The shipped scenarios as the library shows them; one that breaks meanwhile keeps its old content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from repro.errors import InputError
from tui.text import QUIET, plain

if TYPE_CHECKING:
    from repro.scenario.load import Loaded

GROUPS = {"report": "The report", "verification": "Verification", "remedy": "Remedies", "control": "Controls"}


@dataclass
class Shelf:
    """Scenarios by name, in the order of their groups, and files that do not load."""

    environments: Sequence[str]
    loaded: dict[str, Loaded] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    _stamps: dict[Path, int] = field(default_factory=dict)

    def refresh(self) -> tuple[bool, list[str]]:
        """Read what changed: whether anything did, and what is wrong with files that broke."""
        from repro.scenario.load import load, shipped_files  # 60 ms; this runs beside the first paint

        changed, faults = False, []
        stamps: dict[Path, int] = {}
        for file in shipped_files():
            try:
                stamps[file] = file.stat().st_mtime_ns
            except OSError:
                continue
            if self._stamps.get(file) == stamps[file]:
                continue
            changed = True
            try:
                self.loaded[file.stem] = load(file, environments=self.environments)
                self.broken.pop(file.stem, None)
            except (InputError, OSError) as error:
                text = str(error).replace(f"{file.parent}/", "")
                faults.append(f"{text} (the old content stays)" if file.stem in self.loaded else text)
                self.broken[file.stem] = text
        for name in set(self.loaded) - {file.stem for file in stamps}:
            changed = True
            del self.loaded[name]
        self._stamps = stamps
        return changed, faults

    def groups(self) -> list[tuple[str, list[Loaded]]]:
        """Title of each group with its scenarios."""
        found = []
        for group, title in GROUPS.items():
            members = [one for one in self.loaded.values() if one.scenario.group == group]
            if members:
                found.append((title, sorted(members, key=lambda one: one.scenario.fit.epochs)))
        return found


_LINE = re.compile(r"^(\s*(?:- )?)(\{?[A-Za-z_0-9.-]+)(:)(?=\s|$)")
_INLINE = re.compile(r"(?<=[{,] )?\b([a-z_]+)(:) ")


def yaml(text: str) -> Content:
    """YAML with its keys and comments set apart; enough for the scenarios' plain style."""
    lines = []
    for raw in text.splitlines():
        line = plain(raw, 400) if raw.strip() else ""
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
