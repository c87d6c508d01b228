"""Reads a small, untrusted YAML file into a type; errors name the line and the key.

Plain data only: no tags, no anchors, no aliases; YAML 1.2 scalars (so that `yes` is a string and `1e-3` a number).
"""

from __future__ import annotations

import math
import re
import unicodedata
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml

from repro.base.allowed import allowed
from repro.base.decoding import convert
from repro.base.errors import InputError
from repro.base.text import one_line

T = TypeVar("T")

FORMAT = 1
MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000

KeyPath = tuple[str | int, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Resolves plain scalars by the YAML 1.2 core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("null", r"^(?:null|Null|NULL|~|)$", ["n", "N", "~", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _whole_number(loader: Any, node: yaml.ScalarNode) -> int:
    """Read a decimal number, whatever it begins with (PyYAML reads 010 as 8)."""
    return int(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


class Document:
    """Plain data of one YAML file with the line of each key or item; `text` is what was read."""

    def __init__(self, file: Path | str, text: str) -> None:
        self.file = file
        self.text = text
        self.lines: dict[KeyPath, int] = {(): 1}
        self._check_events(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            self.data = None if node is None else self._build(loader, node, ())
        except yaml.YAMLError as error:
            self._refuse_yaml(error)
        finally:
            loader.dispose()

    def fail(self, what: str, path: KeyPath = (), *, do: str = "") -> NoReturn:
        """Raise an InputError at the line of `path`, or of the nearest key around it."""
        while path not in self.lines:
            path = path[:-1]
        raise InputError(what, do=do, file=self.file, line=self.lines[path])

    def lines_of(self, path: KeyPath) -> dict[str, int]:
        """Return the keys of the mapping at `path` that are in the file, with their lines."""
        depth = len(path)
        return {str(at[depth]): line for at, line in self.lines.items() if len(at) == depth + 1 and at[:depth] == path}

    def convert(self, type_: type[T], *, newest_format: int = FORMAT) -> T:
        """Return the data as `type_`; InputError names the key, what was found and what is allowed."""
        try:
            return convert(self.data, type_)
        except msgspec.ValidationError as error:
            self._refuse_value(str(error), type_, newest_format)

    @property
    def format(self) -> object:
        """What the file says as its format, whatever that is."""
        return self._at(("format",))

    def _check_events(self, text: str) -> None:
        depth = nodes = 0
        try:
            for event in yaml.parse(text, Loader=_Loader):
                line = event.start_mark.line + 1 if event.start_mark is not None else None
                if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                    raise InputError(
                        "anchors and aliases are not allowed", do="write the value out", file=self.file, line=line
                    )
                if isinstance(event, yaml.CollectionStartEvent):
                    depth += 1
                elif isinstance(event, yaml.CollectionEndEvent):
                    depth -= 1
                nodes += isinstance(event, yaml.NodeEvent)
                if depth > MAX_DEPTH or nodes > MAX_NODES:
                    raise InputError(
                        f"nested deeper than {MAX_DEPTH} or more than {MAX_NODES} values",
                        do="a scenario is short and flat",
                        file=self.file,
                        line=line,
                    )
                tag = getattr(event, "tag", None)
                if tag is not None:
                    raise InputError(
                        f"the tag {one_line(tag, 80)} is not allowed", do="write plain data", file=self.file, line=line
                    )
        except yaml.YAMLError as error:
            self._refuse_yaml(error)

    def _refuse_yaml(self, error: yaml.YAMLError) -> NoReturn:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise InputError(
            f"not YAML: {one_line(problem)}",
            do="mend the syntax",
            file=self.file,
            line=None if mark is None else mark.line + 1,
        ) from None

    def _build(self, loader: Any, node: yaml.Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                if not isinstance(key_node, yaml.ScalarNode) or not key_node.tag.endswith(":str"):
                    raise InputError(
                        "a key must be a word", do="quote it", file=self.file, line=key_node.start_mark.line + 1
                    )
                key = key_node.value
                where = (*path, key)
                if key in mapping:
                    raise InputError(
                        f"the key {_dotted(where)} stands twice (first on line {self.lines[where]})",
                        do="keep one",
                        file=self.file,
                        line=key_node.start_mark.line + 1,
                    )
                self.lines[where] = key_node.start_mark.line + 1
                mapping[key] = self._build(loader, value_node, where)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self._build(loader, item, (*path, index)) for index, item in enumerate(node.value)]
        try:
            value = loader.construct_object(node)
            if isinstance(value, int):
                float(value)  # what it is compared with is a float
        except (ValueError, OverflowError):
            self.fail(
                f"{_dotted(path)}: a number with {len(node.value)} digits is too long", path, do="give a shorter one"
            )
        if isinstance(value, float) and not math.isfinite(value):
            self.fail(
                f"{_dotted(path)}: {one_line(node.value, 40)} is not a finite number", path, do="give a finite one"
            )
        if isinstance(value, str) and any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in value):
            # A terminal would obey it when the text is shown.
            self.fail(f"{_dotted(path)}: holds a control character ({one_line(value, 40)})", path, do="leave it out")
        return value

    def _refuse_value(self, message: str, type_: type, newest_format: int) -> NoReturn:
        written = self.format
        if type(written) is int and written > newest_format:  # another format may say other things
            self.fail(f"written in format {written}", ("format",), do=f"update repro: this one reads {newest_format}")
        if self.data is None:
            self.fail("is empty", do=allowed(type_, ()))
        problem, _, where = message.partition(" - at `")
        path = _key_path(where.rstrip("`"))
        if unknown := re.search(r"unknown field `(.*)`$", problem):
            key = (*path, unknown[1])
            self.fail(f"unknown key {_dotted(key)}", key, do="see `repro schema` for the keys")
        if missing := re.search(r"missing required field `(.*)`$", problem):
            self.fail(f"the key {_dotted((*path, missing[1]))} is missing", path, do="add it")
        problem = problem.replace("`", "")
        found = self._at(path)
        do = allowed(type_, path) or "see `repro schema`"
        if " matching regex " in problem:  # `do` says the same in words
            self.fail(f"{_dotted(path)}: {one_line(repr(found), 60)} is not allowed", path, do=do)
        if isinstance(found, (dict, list)) or "enum value" in problem or found is None:
            self.fail(f"{_dotted(path)}: {_lower(problem)}", path, do=do)
        self.fail(f"{_dotted(path)}: {_lower(problem)}, found {one_line(repr(found), 60)}", path, do=do)

    def _at(self, path: KeyPath) -> Any:
        found: Any = self.data
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found


def read(file: Path) -> Document:
    """Read `file`, refusing what is too large, not a regular file, not UTF-8 or not plain YAML."""
    try:
        if not file.is_file():
            what = "there is no such file"
            if file.exists():
                what = "is a folder" if file.is_dir() else "is not a regular file"
            raise InputError(what, do="name a YAML file", file=file)
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=file) from None
    except ValueError:
        raise InputError("not a file name", do="name a YAML file", file=file) from None
    if len(raw) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES // 1024} KiB", do="a scenario is short", file=file)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError("not UTF-8", do="save it as UTF-8", file=file, line=line) from None
    return Document(file, text)


def _dotted(path: KeyPath) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{one_line(step, 60)}"
    return text.lstrip(".") or "the file"


def _key_path(text: str) -> KeyPath:
    """Return `$.claims[2].to` as ("claims", 2, "to")."""
    return tuple(int(index) if index else key for key, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", text))


def _lower(problem: str) -> str:
    return problem[:1].lower() + problem[1:]
