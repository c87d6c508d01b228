"""The commands in the README and in docs/, and how each is treated."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from repro.cli import cli, run_command_line
from repro.environment import definition
from repro.environment.requirement_list import parse
from repro.scenario.load import shipped_files
from scripts import evidence
from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# `repro` commands that are really run, with the exit codes that are right here; 3: an environment is not installed.
RUN: dict[str, set[int]] = {
    "list": {0},
    "check": {0},
    "new": {0},
    "schema": {0},
    "runs": {0},
    "show": {0},
    "diagnose": {0},
    "issue": {0},
    "recorder": {0},
    "import": {0},
    "export": {0},
    "verify --no-run": {0},
    "compare": {0, 1},
    "doctor": {0, 3},
    "environment list": {0},
    "environment check": {0, 3},
    "environment show": {0, 3},
    "environment diff": {0, 3},
}
# `repro` commands that the command line reads with all their options, and why they are not run.
READ: dict[str, str] = {
    "": "opens the terminal UI (tests/screens)",
    "run": "trains",
    "record": "trains (tests/real/test_record.py runs the programs of docs/record.md)",
    "sweep": "trains",
    "bisect": "trains",
    "what-if": "starts TensorFlow and needs a traced run, or a recording",
    "verify": "trains",
    "watch": "waits for a run to end",
    "stop": "needs a run that goes on",
    "resume": "trains",
    "delete": "would take the run that the next command shows",
    "environment install": "downloads",
    "environment new": "downloads",
    "environment remove": "would take what other pages use",
}
# Other programs that are not run, and why.
OTHERS: dict[str, str] = {
    "export": "sets a variable",
    "for": "belongs to the shell, which reads the whole block",
    "do": "belongs to the shell, which reads the whole block",
    "done": "belongs to the shell, which reads the whole block",
    "pip": "installs",
    "git": "copies this repository",
}


@dataclass(frozen=True)
class Command:
    """One simple command of a page."""

    line: int
    words: list[str]


def blocks(page: Path) -> Iterator[tuple[int, str, str]]:
    """(line number, language, text) of each fenced block."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^( *)```([^\n]*)\n(.*?)^\1```$", text, re.M | re.S):
        lines = [line.removeprefix(found[1]) for line in found[3].splitlines()]
        yield text.count("\n", 0, found.start()) + 2, found[2], "\n".join(lines) + "\n"


def shell(language: str, text: str) -> str:
    """What one types: all of a sh block, what stands behind `$ ` in a console block, with every line kept in place."""
    if language == "sh":
        return text
    return "".join(line[2:] + "\n" if line.startswith("$ ") else "\n" for line in text.splitlines())


def commands(page: Path) -> Iterator[Command]:
    """All simple commands of a page's sh and console blocks, split at pipes and the like; `write` for a yaml block."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for start, language, text in blocks(page):
        above = re.search(r"`([\w./-]+)`:$", " ".join(lines[: start - 2]).rstrip())
        if language == "yaml" and above is not None:
            yield Command(start, ["write", above[1], text])
        if language not in ("sh", "console"):
            continue
        whole = re.sub(r"\\\n", "  ", shell(language, text))
        for number, line in enumerate(whole.splitlines()):
            lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&<>")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in [*lexer, ";"]:
                if not re.fullmatch(r"[;|&]+", word):
                    words.append(word)
                    continue
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    del words[0]
                if words:
                    yield Command(start + number, words)
                words = []


def treat_repro(words: list[str]) -> None:
    """Run it, or let the command line read it."""
    if words[:1] == ["--store"]:
        words = words[2:]
    name = " ".join(words[:2]) if words[:1] == ["environment"] else "".join(words[:1])
    if name == "verify" and "--no-run" in words:
        name = "verify --no-run"
    if name in RUN:
        code = run_command_line(words)
        assert code in RUN[name], f"exit code {code}"
        return
    assert name in READ, f"this test knows no treatment for repro {name}"
    read(words)


def read(words: list[str]) -> None:
    """Let click read the words, and look up the names among them."""
    command: click.Command | None = cli
    parent: click.Context | None = None
    options: dict[str, Any] = {}
    while isinstance(command, click.Group) and words:
        parent = click.Context(command, parent=parent, info_name=command.name)
        word, *words = words
        command = command.get_command(parent, word)
        assert command is not None, f"no command {word}"
    if command is not cli:
        options = command.make_context(command.name, list(words), parent=parent).params
    names = {file.stem for file in shipped_files()}
    for scenario in options.get("scenarios") or ():
        assert scenario in names or Path(scenario).is_file() or scenario.startswith("/"), f"no scenario {scenario}"
    for environment in options.get("environments") or ():
        is_known = environment in (*definition.names(), "all")
        assert is_known or parse([environment]).pins, f"no environment {environment}"
    if parent is not None and parent.info_name == "environment":
        made_by_the_page = {"mine"}
        for environment in set(options.get("names") or ()) - made_by_the_page:
            assert environment in definition.names(), f"no environment {environment}"


def treat_make(words: list[str]) -> None:
    """Make says what it would do."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    done = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def treat_docker(words: list[str]) -> None:
    """Services, stages and images are those of the files; what follows a service of ours, `repro` reads."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser("docker")
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build")
    build.add_argument("--target")
    build.add_argument("-t")
    build.add_argument("folder", choices=["."])
    run = actions.add_parser("run")
    for flag in ("--rm", "-it", "--init", "--read-only"):
        run.add_argument(flag, action="store_true")
    for option in ("--network", "--tmpfs", "-u", "-v"):
        run.add_argument(option)
    run.add_argument("service", choices=[one["image"] for one in compose["services"].values()])
    run.add_argument("rest", nargs=argparse.REMAINDER)
    outer = actions.add_parser("compose")
    outer.add_argument(
        "--profile", choices=[name for one in compose["services"].values() for name in one.get("profiles", [])]
    )
    verbs = outer.add_subparsers(dest="verb", required=True)
    for verb in ("build", "up", "down"):
        one = verbs.add_parser(verb)
        one.add_argument("-d", action="store_true")
        one.add_argument("--scale")
        one.add_argument("services", nargs="*")
    inner = verbs.add_parser("run")
    inner.add_argument("--rm", action="store_true")
    inner.add_argument("-d", action="store_true")
    inner.add_argument("--entrypoint")
    inner.add_argument("-e")
    inner.add_argument("service", choices=list(compose["services"]))
    inner.add_argument("rest", nargs=argparse.REMAINDER)
    asked = parser.parse_args(words)
    for service in getattr(asked, "services", []):
        assert service in compose["services"], f"no service {service}"
    if asked.action == "build" and asked.target:
        assert f" AS {asked.target}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8"), f"no stage {asked.target}"
    if "rest" in asked and not getattr(asked, "entrypoint", None) and asked.service != "tests":
        read((["sweep"] if asked.service == "sweep" else []) + asked.rest)


def treat_python(words: list[str]) -> None:
    """A script of ours that is there, or a module; scripts.evidence reads its own options."""
    if words[:2] == ["-m", "scripts.evidence"]:
        evidence.parser().parse_args(words[2:])
    elif words[0] == "-m":
        assert words[1] in ("dask", "benchmarks", "pytest"), f"no module {words[1]}"
    else:
        assert (ROOT / words[0]).is_file(), f"no file {words[0]}"


def treat_files(words: list[str]) -> None:
    """`cp` and `mkdir` are run."""
    subprocess.run(words, check=True)
    definition.shipped_environments.cache_clear()


def write(words: list[str]) -> None:
    """What stands in the page becomes the file."""
    Path(words[0]).write_text(words[1], encoding="utf-8")
    definition.shipped_environments.cache_clear()


def treat_uv(words: list[str]) -> None:
    """It resolves over the network; here another lock stands for what it would write."""
    source, target = (Path(word) for word in words if word.startswith("environments/"))
    assert words[:2] == ["pip", "compile"] and source.is_file()
    shutil.copy("environments/keras-3/requirements.lock", target)


TREATMENTS = {
    "repro": treat_repro,
    "make": treat_make,
    "docker": treat_docker,
    "python": treat_python,
    "cp": lambda words: treat_files(["cp", *words]),
    "mkdir": lambda words: treat_files(["mkdir", *words]),
    "uv": treat_uv,
    "write": write,
}
