"""Every command in the README and in docs/ is run, or read by the command line it is for; none is passed over.

A page's commands are treated in their order, in a folder with a store of recorded runs, two folders of images, and
copies of scenarios/ and environments/. A yaml block after a line that ends with its path (``In `a/b.yaml`:``) becomes
that file. A command that this file does not know fails the test.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from PIL import Image

from repro.base import shipped
from repro.cli import COMMANDS, cli, run_command_line
from repro.environment import definition
from tests.support.pages import OTHERS, PAGES, READ, RUN, TREATMENTS, blocks, commands, shell
from tests.support.paths import ROOT
from tests.support.runs.copied import make_run

LANGUAGES = {"sh", "console", "yaml", "python", "json", "text"}


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
    (tmp_path / "train.py").write_text("import keras\n")
    shutil.copyfile(ROOT / "tests/unit/scenario/issues/chairs_and_lamps.md", tmp_path / "report.md")
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


def test_the_output_in_the_readme_is_that_of_a_run(prepared: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    shown = [text for _, language, text in blocks(ROOT / "README.md") if language == "console"]
    lines = [line for text in shown for line in text.splitlines() if line.strip() not in ("", "...")]
    assert lines.pop(0).startswith("$ repro run original-bug ") and len(lines) > 3
    capfd.readouterr()
    run_command_line(["show", prepared["RUN"]])
    printed = capfd.readouterr().out.splitlines()
    assert [line for line in lines if line not in printed] == []
