"""Every command in the README and in docs/ is run, or read by the command line it is for; none is passed over.

A page's commands are treated in their order, in a folder with a store of recorded runs, two folders of images, and
copies of scenarios/ and environments/. A yaml block after a line that ends with its path (``In `a/b.yaml`:``) becomes
that file. A command that this file does not know fails the test.
"""

from __future__ import annotations

import argparse
import json
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
from PIL import Image

from repro.base import shipped
from repro.cli import COMMANDS, cli, run_command_line
from repro.environment import definition
from repro.environment.requirement_list import parse
from repro.scenario.load import shipped_files
from scripts import evidence
from tests.evidence.runs import make_run

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"sh", "console", "yaml", "python", "json", "text"}

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
    "": "opens the terminal UI (tests/tui)",
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


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A folder to work in, as the documents have it; what stands for RUN, OTHER and the like."""
    store = tmp_path / "runs"
    first = make_run(store, tail="aaaa")
    second = make_run(store, tail="bbbb", run=lambda record: record.update(seed=1))
    for label in ("a", "b"):
        for folder in ("images", "validation"):
            (tmp_path / folder / label).mkdir(parents=True)
            for index in range(5):
                Image.new("L", (64, 64), 50 * index).save(tmp_path / folder / label / f"{index}.png")
    shutil.copyfile(ROOT / "tests/data/recordings/few-updates.zip", tmp_path / "repro-recordings.zip")
    for folder in ("scenarios", "environments"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(shipped, "folder", lambda name: tmp_path / name)
    monkeypatch.setenv("REPRO_STORE", str(store))
    monkeypatch.chdir(tmp_path)
    definition.shipped_environments.cache_clear()
    yield {"RUN": first.id, "OTHER": second.id}
    definition.shipped_environments.cache_clear()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page(page: Path, prepared: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    for command in commands(page):
        words = [prepared.get(word, word) for word in command.words]
        where = f"{page.name}:{command.line}: {' '.join(command.words)[:200]}"
        capfd.readouterr()
        if words[0] in OTHERS:
            continue
        assert words[0] in TREATMENTS, f"{where}: this test knows no treatment for {words[0]}"
        try:
            TREATMENTS[words[0]](words[1:])
        except (AssertionError, click.ClickException, SystemExit) as error:
            message = error.format_message() if isinstance(error, click.ClickException) else error
            pytest.fail(f"{where}: {message}\n{capfd.readouterr().err}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_what_it_is_and_shells_can_read_it(page: Path) -> None:
    for line, language, text in blocks(page):
        assert language in LANGUAGES, f"{page.name}:{line}"
        if language in ("sh", "console"):
            assert shell(language, text).strip(), f"{page.name}:{line} has no command (a line with `$ `)"
            done = subprocess.run(
                ["bash", "-n"], input=shell(language, text), text=True, capture_output=True, check=False
            )
            assert done.returncode == 0, f"{page.name}:{line}: {done.stderr}"
        if language == "yaml":
            yaml.safe_load(text)
    text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert not re.search(r"^ {4,}(\$ |repro |make |docker |python )", text, re.M), "a command outside a fenced block"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_within_sentences_have_these_names_and_options(page: Path) -> None:
    text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for quoted in re.findall(r"`repro ([^`]+)`", text):
        words = quoted.split()
        command: Any = cli
        while words and isinstance(command, click.Group) and not words[0].startswith("-"):
            name = words.pop(0)
            command = command.get_command(click.Context(command), name)
            assert command is not None, f"`repro {quoted}`: {name}"
        known = {option for one in command.params for option in one.opts} | {"--help"}
        unknown = [word for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known]
        assert not unknown, f"`repro {quoted}`: {unknown}"


def test_the_formats_page_names_every_key_that_is_printed(
    prepared: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8").partition("## JSON on standard output")[2]
    assert run_command_line(["export", prepared["RUN"], "-o", "evidence.zip"]) == 0
    for line in (
        "runs", "list", "show RUN --layers", "compare RUN OTHER", "diagnose RUN", "issue RUN",
        "export RUN -o b.zip --preview",
        "verify evidence.zip --no-run", "environment list", "doctor", "check scenarios/original-bug.yaml", "delete RUN",
    ):  # fmt: skip
        capfd.readouterr()
        run_command_line([prepared.get(word, word) for word in line.split()] + ["--json"])
        printed = json.loads(capfd.readouterr().out)
        missing = {key for key in keys_of(printed) if f'"{key}"' not in page and f"`{key}`" not in page}
        assert not missing, f"repro {line} --json"


def keys_of(value: Any) -> Iterator[str]:
    """Every key at every depth but those that are themselves data: environments, verdicts, times of stages."""
    if isinstance(value, list):
        for one in value:
            yield from keys_of(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            if key not in ("verdicts", "seconds", "numbers", "batch_norm"):
                yield from keys_of(one)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_contents_page_names_every_page() -> None:
    contents = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    missing = [page.name for page in PAGES if page.parent == ROOT / "docs" and f"]({page.name})" not in contents]
    assert missing == ["README.md"]


def test_the_commands_page_names_every_command_with_its_options_and_no_other() -> None:
    rows = re.findall(
        r"^\| `([a-z][a-z -]*)[^`]*` \|(.*)\|$", (ROOT / "docs/commands.md").read_text(encoding="utf-8"), re.M
    )
    said = {name.strip(): set(re.findall(r"`(--[a-z-]+)", rest)) for name, rest in rows}
    assert said == {name: set(options) for name, options in options_of(cli)}


def options_of(command: Any, name: str = "") -> Iterator[tuple[str, list[str]]]:
    """Every command that is no group, with its long options but those that nearly all have."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for one in command.list_commands(context):
            yield from options_of(command.get_command(context, one), f"{name} {one}".strip())
    else:
        options = [option for one in command.params for option in one.opts if option.startswith("--")]
        yield name, [option for option in options if option not in ("--store", "--json")]


def test_every_repro_command_has_one_treatment() -> None:
    named = {name.split()[0] for name in (*RUN, *READ) if name}
    assert named == set(COMMANDS)
    assert not set(RUN) & set(READ)


# --- treatments ---


def test_the_output_in_the_readme_is_that_of_a_run(prepared: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    shown = [text for _, language, text in blocks(ROOT / "README.md") if language == "console"]
    lines = [line for text in shown for line in text.splitlines() if line.strip() not in ("", "...")]
    assert lines.pop(0).startswith("$ repro run original-bug ") and len(lines) > 3
    capfd.readouterr()
    run_command_line(["show", prepared["RUN"]])
    printed = capfd.readouterr().out.splitlines()
    assert [line for line in lines if line not in printed] == []


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
