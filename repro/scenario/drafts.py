"""Drafts of script scenarios: around a program, or from the text of a bug report. Nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from repro.base.errors import InputError
from repro.base.text import escape_control, one_line
from repro.scenario import program_text, report_text, script_files, script_types

MAX_ABOUT = 2000

_SCENARIO = """\
# yaml-language-server: $schema=schema.json
# For editors that read the line above: repro schema > schema.json
# Check it: repro check NAME.yaml    Run it: repro run NAME.yaml --trust    Ask why: repro diagnose last
format: 2
name: NAME
title: TITLE
# One of report, verification, remedy, control.
group: report
about: ABOUT
SOURCE
# The program, copied into the run with `files`; it runs with --trust only, under the recorder. {seed} in an argument is
# the run's seed, as is the variable REPRO_SEED.
script: {file: FILE, arguments: ARGUMENTS, seconds: 600, files: FILES}

# Numbers that it prints: RE2 patterns with one group. The last match counts.
# printed: {accuracy: 'accuracy: ([0-9.]+)'}

# Of several models that it trains the last one counts; `training: 1` chooses the first.

# What is claimed. evaluate.* is the program's own last call, inference.* and evaluate_training_phase.* are measured by
# the recorder after fit, on what fit was given; printed.* is what the patterns found. See docs/formats.md.
claims:
  - {id: C1, says: fit has learned its data, value: fit.accuracy, is: at_least, to: 0.9}
  - {id: C2, says: and the same data are wrong in inference, value: inference.accuracy, is: at_most, to: 0.6}
"""
_PLACE = re.compile(r"\b(NAME|TITLE|ABOUT|SOURCE|FILE|ARGUMENTS|FILES)\b")


def of_script(name: str, script: Path) -> dict[Path, str]:
    """Return the scenario around a program of this folder; InputError for one that is elsewhere or is not Python."""
    relative = _inside(script)
    tree = program_text.parse(_text(script))
    if tree is None:
        raise InputError("is not Python 3", do="name the Python file of the program", file=script)
    files = [file for file in program_text.files_beside(tree, script.parent) if file != script.name]
    folder = relative.parent
    text = _filled(
        name,
        title=f"{relative.name}, right in fit and wrong afterwards",
        about="What you saw, in which code, and what you expected.",
        file=relative.as_posix(),
        arguments=["--seed", script_types.SEED] if program_text.takes_seed(tree) else [],
        files=[(folder / file).as_posix() for file in files],
    )
    return {Path(f"{name}.yaml"): text}


def of_issue(name: str, issue: Path) -> tuple[dict[Path, str], list[str]]:
    """Return the scenario and the program of a report, and lines that say what is missing and where to run it."""
    report = report_text.read(issue)
    program = report.program
    tree = program_text.parse(program)
    if tree is None:
        raise InputError("its blocks of code are not one program", do="keep the block with the program", file=issue)
    unbound = program_text.unbound_names(tree)
    imports = program_text.missing_imports(unbound)
    if imports:
        program = "# Not imported in the report:\n" + "\n".join(imports) + f"\n\n{program}"
        tree = program_text.parse(program)
        assert tree is not None
    file = f"{name}.py"
    text = _filled(
        name,
        title=report.title,
        about=_about(report),
        file=file,
        arguments=[],
        files=[],
        source=report.source,
    )
    notes = [*_missing(tree, file), *_left_out(report), *_where(report)]
    return {Path(f"{name}.yaml"): text, Path(file): program}, notes


def _missing(tree: ast.Module, file: str) -> list[str]:
    notes = [
        f"{file}:{unbound.line}: {unbound.name} is not defined in the report: define it"
        for unbound in program_text.unbound_names(tree)
    ]
    names = program_text.file_names(tree)
    if names:
        shown = ", ".join(one_line(each, 60) for each in names[:5])
        notes.append(f"{file}: names the files {shown}: put them here and under script.files, or make such data")
    return notes


def _left_out(report: report_text.Report) -> list[str]:
    if not report.others:
        return []
    lines = ", ".join(str(block.line) for block in report.others[:10])
    return [f"left out, since they are not Python 3: the blocks at line {lines} of the report"]


def _where(report: report_text.Report) -> list[str]:
    """Say which versions the report names, and how to run it with them."""
    if not report.versions:
        return ["the report names no versions"]
    named = ", ".join(f"{package} {version}" for package, version in report.versions.items())
    pinned = [package for package in ("keras", "tensorflow") if package in report.versions]
    pins = ",".join(f"{package}=={report.versions[package]}" for package in pinned)
    how = f": run it with them, --environment {pins}" if pins else ""
    return [f"the report names {named}{how}"]


def _about(report: report_text.Report) -> str:
    named = ", ".join(f"{package} {version}" for package, version in report.versions.items())
    return f"A report{f' on {named}' if named else ''}. What it saw, and what it expected."


def _filled(
    name: str,
    *,
    title: str,
    about: str,
    file: str,
    arguments: Sequence[str],
    files: Sequence[str],
    source: str | None = None,
) -> str:
    values = {
        "NAME": name,
        "TITLE": _quoted(one_line(title, 300)),
        "ABOUT": _quoted(about[:MAX_ABOUT]),
        "SOURCE": f"source: {_quoted(source)}" if source else "# source: where the report is, with its licence",
        "FILE": _quoted(file),
        "ARGUMENTS": f"[{', '.join(map(_quoted, arguments))}]",
        "FILES": f"[{', '.join(map(_quoted, files))}]",
    }
    # One pass: what is put in is not looked at again.
    return _PLACE.sub(lambda match: values[match[0]], _SCENARIO)


def _quoted(text: str) -> str:
    """Return text as a YAML scalar on one line."""
    return yaml.safe_dump(
        escape_control(text, keep="\n"), default_style='"', allow_unicode=True, width=1_000_000
    ).rstrip("\n")


def _inside(script: Path) -> Path:
    try:
        relative = script.absolute().resolve().relative_to(Path.cwd().resolve())
    except (ValueError, OSError):
        do = "change into its folder: a scenario is beside its program"
        raise InputError("is not in this folder or below it", do=do, file=script) from None
    if script.suffix != ".py":
        raise InputError("is not a Python file", do="name a file that ends in .py", file=script)
    return relative


def _text(script: Path) -> str:
    try:
        if not script.is_file():
            what = "is not a regular file" if script.exists() else "there is no such file"
            raise InputError(what, do="name the Python file of the program", file=script)
        with script.open("rb") as stream:
            raw = stream.read(script_files.MAX_SCRIPT_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=script) from None
    if len(raw) > script_files.MAX_SCRIPT_BYTES:
        raise InputError("larger than 1 MiB", do="take the data out of it", file=script)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not UTF-8", do="save it as UTF-8", file=script) from None
