"""Takes code and versions out of the pasted text of a bug report; nothing in it is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import re2
from markdown_it import MarkdownIt

from repro.base.errors import InputError
from repro.base.text import escape_control, one_line
from repro.scenario import program_text

MAX_BYTES = 1024 * 1024
MAX_BLOCKS = 200

_PROMPT = re.compile(r"^(?:>>>|\.\.\.|In \[\d*\]:)(?: |$)", re.M)
_PACKAGES = {
    "keras": "keras",
    "tensorflow": "(?:tensorflow(?:[-_](?:gpu|cpu))?|tf)",
    "python": "python",
    "numpy": "numpy",
}
# What may be between a name and its version: "Keras version: 2.0.4", "tensorflow==1.4", "TF (v1.12)".
_BETWEEN = r"(?:[ \t*_`|:=(v]|version|ver\.|backend|\(use command below\)){0,12}"
_VERSION = r"(\d{1,2}\.\d{1,2}(?:\.\d{1,2})?(?:rc\d)?)"
_URL = re.compile(r"https?://[\w./#?=&%-]{4,200}")


@dataclass(frozen=True)
class Block:
    """A block of code in a report, and its line there."""

    text: str
    line: int


@dataclass(frozen=True)
class Report:
    """What a report says: its title, where it is, versions by package, code, and blocks that are not Python."""

    title: str
    source: str | None
    versions: dict[str, str]
    code: list[Block]
    others: list[Block]

    @property
    def program(self) -> str:
        """The code as one program, each block with the line where it was in the report."""
        return "\n\n".join(f"# -- line {block.line} of the report\n{block.text.rstrip()}" for block in self.code) + "\n"


def read(file: Path) -> Report:
    """Read a report in Markdown; InputError if it cannot be read or has no code."""
    text = _text(file)
    blocks = _blocks(text)
    code = [block for block in blocks if (tree := program_text.parse(block.text)) and program_text.does_something(tree)]
    others = [block for block in blocks if block not in code]
    if not code:
        what = "has no block of Python code" if not others else "its blocks are not Python 3"
        line = others[0].line if others else None
        raise InputError(what, do="put the code between lines of three backquotes", file=file, line=line)
    return Report(_title(text), _source(text), _versions(text), _without_repeated(code), others)


def _text(file: Path) -> str:
    try:
        if not file.is_file():
            what = "is not a regular file" if file.exists() else "there is no such file"
            raise InputError(what, do="name the text of a report", file=file)
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=file) from None
    if len(raw) > MAX_BYTES:
        raise InputError("larger than 1 MiB", do="paste the report only", file=file)
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InputError("not UTF-8", do="save it as UTF-8", file=file) from None


def _blocks(text: str) -> list[Block]:
    tokens = MarkdownIt("commonmark").parse(text)
    found = []
    for token in tokens:
        if token.type in ("fence", "code_block") and token.map is not None:
            line = token.map[0] + (2 if token.type == "fence" else 1)
            found.append(Block(_without_prompts(token.content.expandtabs(4)), line))
    return found[:MAX_BLOCKS]


def _without_prompts(text: str) -> str:
    """Return what was typed at an interpreter's prompt; a block without prompts as it is."""
    lines = text.split("\n")
    if not any(_PROMPT.match(line) for line in lines):
        return text
    return "\n".join(_PROMPT.sub("", line) for line in lines if _PROMPT.match(line)) + "\n"


def _without_repeated(code: list[Block]) -> list[Block]:
    """Leave out blocks whose statements are all in another one: a snippet beside the whole program."""
    trees = [program_text.parse(block.text) for block in code]
    said = [set(program_text.statements(tree)) if tree is not None else set() for tree in trees]
    kept = []
    for index, block in enumerate(code):
        is_repeated = any(
            said[index] < other or (said[index] == other and place < index) for place, other in enumerate(said)
        )
        if not is_repeated:
            kept.append(block)
    return kept


def _title(text: str) -> str:
    """Return the first heading, else the first line that says something."""
    lines = [line.strip() for line in text.split("\n")]
    headings = [line.lstrip("# ") for line in lines if re.match(r"#{1,6} +\S", line)]
    title = (headings or [line for line in lines if line] or ["a report"])[0]
    return one_line(escape_control(title), 300)


def _source(text: str) -> str | None:
    match = _URL.search(text)
    return match[0] if match else None


def _versions(text: str) -> dict[str, str]:
    found = {}
    for package, name in _PACKAGES.items():
        match = re2.search(rf"(?i)(?:^|[^\w.-]){name}{_BETWEEN}{_VERSION}(?:[^\w]|$)", text)
        if match:
            found[package] = match[1]
    return found
