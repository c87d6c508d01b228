"""What a script scenario may say, and what is refused."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from repro.base.errors import InputError
from repro.environment import definition
from repro.scenario import printed, script_files
from repro.scenario.load import Loaded, load
from repro.scenario.script_types import ScriptScenario
from tests.support.script_scenarios import SCENARIO, write_scenario

ENVIRONMENTS = definition.names()


def loaded(folder: Path, **changes: str) -> Loaded:
    """Load the scenario with some text in the place of other text."""
    text = SCENARIO
    for before, after in changes.items():
        text = text.replace(before, after)
    return load(write_scenario(folder, scenario=text), environments=ENVIRONMENTS)


def changed(before: str, after: str) -> str:
    assert before in SCENARIO
    return SCENARIO.replace(before, after)


FAULTS = {
    "no script": (
        changed("script: {file: train.py, arguments: [few-updates], seconds: 60}\n", ""),
        1,
        "script is missing",
    ),
    "images": (SCENARIO + "images: {directory: x, size: [8, 8]}\n", 11, "images: a script scenario has none"),
    "model": (SCENARIO + "model: {classes: 2}\n", 11, "model: a script scenario has none"),
    "batch_norm": (SCENARIO + "batch_norm: {momentum: 0.9}\n", 11, "batch_norm: a script"),
    "compile": (SCENARIO + "compile: {}\n", 11, "compile: a script"),
    "fit": (SCENARIO + "fit: {epochs: 2}\n", 11, "fit: a script"),
    "measure": (SCENARIO + "measure: [evaluate]\n", 11, "measure: a script"),
    "unknown key": (SCENARIO + "shell: rm\n", 11, "unknown key shell"),
    "format 1": (changed("format: 2", "format: 1"), 6, "script: goes with format 2 only: set format: 2"),
    "newer format": (changed("format: 2", "format: 3"), 1, "this one reads 2"),
    "a path out": (changed("file: train.py", "file: ../train.py"), 6, "is not allowed"),
    "a path out below": (changed("file: train.py", "file: a/../../train.py"), 6, "must stay inside"),
    "an absolute path": (changed("file: train.py", "file: /etc/x.py"), 6, "is not allowed"),
    "no Python file": (changed("file: train.py", "file: train.sh"), 6, "is not allowed"),
    "files out": (changed("seconds: 60", "files: [../secret]"), 6, "script.files[0]: must stay inside"),
    "files absolute": (changed("seconds: 60", "files: [/etc/passwd]"), 6, "script.files[0]: must stay inside"),
    "files of the folder itself": (changed("seconds: 60", "files: [.]"), 6, "script.files[0]: must stay inside"),
    "too many seconds": (changed("seconds: 60", "seconds: 1000000"), 6, "give a whole number from 1 to 604800"),
    "an argument that is no text": (changed("[few-updates]", "[7]"), 6, "script.arguments[0]"),
    "a NUL": (changed("[few-updates]", r'["a\0b"]'), 6, "control character"),
    "no group": (changed("([0-9.]+)", "[0-9.]+"), 7, "printed.accuracy: has 0 groups: put one ( ) around"),
    "two groups": (changed("([0-9.]+)", "([0-9])([0-9])"), 7, "printed.accuracy: has 2 groups"),
    "a backreference": (changed("([0-9.]+)", r"(a)\1"), 7, "printed.accuracy: not a pattern of RE2"),
    "a lookahead": (changed("([0-9.]+)", "(?=a)(b)"), 7, "printed.accuracy: not a pattern of RE2"),
    "a huge repetition": (changed("([0-9.]+)", "((a{1,1000}){1,1000})"), 7, "printed.accuracy: not a pattern"),
    "a name of a pattern": (changed("{accuracy:", "{Accuracy-1:"), 7, "printed"),
    "a claim without a pattern": (
        changed("value: printed.accuracy", "value: printed.loss"),
        9,
        "has no pattern: add loss",
    ),
    "a claim on nothing": (changed("value: fit.accuracy", "value: speed"), 10, "claims[1].value"),
    "training 0": (SCENARIO + "training: 0\n", 11, "training"),
    "two ids": (changed("id: C2", "id: C1"), 10, "C1 stands twice"),
    "an unknown environment": (
        changed("to: 0.5}", "to: 0.5, only: [nowhere]}"),
        9,
        "no environment is called 'nowhere'",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_one_line_at_their_key(case: str, tmp_path: Path) -> None:
    text, line, words = FAULTS[case]
    file = write_scenario(tmp_path, scenario=text)
    with pytest.raises(InputError) as caught:
        load(file, environments=ENVIRONMENTS)
    said = str(caught.value)
    assert words in said and said.startswith(f"{file}:{line}: ") and len(said.splitlines()) == 1, said


def test_a_valid_one_is_read(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, few="'--seed={seed}', '{seed}', few").scenario
    assert isinstance(scenario, ScriptScenario)
    assert scenario.arguments(7) == ["--seed=7", "7", "few-updates"]
    assert scenario.training is None and scenario.printed == {"accuracy": "accuracy ([0-9.]+)"}
    assert scenario.sha256() != loaded(tmp_path, **{"to: 0.5": "to: 0.6"}).scenario.sha256()


def test_files_are_read_by_their_path(tmp_path: Path) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "b.csv").write_text("2")
    (tmp_path / "data" / "a.csv").write_text("1")
    (tmp_path / "data" / ".hidden").write_text("3")
    (tmp_path / "data" / "link.csv").symlink_to("/etc/hostname")
    files = script_files.read(loaded(tmp_path, **{"seconds: 60": "files: [./data]"}))
    assert files is not None and list(files) == ["train.py", "data/a.csv", "data/deep/b.csv"]
    assert files["data/deep/b.csv"] == b"2"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.symlink_to("/etc/hostname"), "leads out of the scenario's folder"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: None, "there is no such file"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, make: object, words: str) -> None:
    assert callable(make)
    make(tmp_path / "data.npz")
    with pytest.raises(InputError, match=words):
        script_files.read(loaded(tmp_path, **{"seconds: 60": "files: [data.npz]"}))


def test_files_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_files, "MAX_TOTAL_BYTES", 100)
    (tmp_path / "data.npz").write_bytes(b"x" * 101)
    one = loaded(tmp_path, **{"seconds: 60": "files: [data.npz]"})
    with pytest.raises(InputError, match="more than 0 MiB or 10,000 files"):
        script_files.read(one)
    monkeypatch.setattr(script_files, "MAX_FILE_BYTES", 100)
    with pytest.raises(InputError, match=r"data\.npz: larger than"):
        script_files.read(one)
    (tmp_path / "train.py").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(InputError, match=r"train\.py: larger than 1 MiB"):
        script_files.read(one)


def test_the_last_match_counts_and_only_the_end_of_the_output() -> None:
    patterns = {"a": "a ([^ ]+)", "none": "b ([0-9]+)", "word": "c ([a-z]+)"}
    numbers, reasons = printed.find(patterns, b"a 1 \nc xyz \na 2.5 \n\xff\xfe")
    assert numbers == {"a": 2.5}
    assert reasons == {"none": "no match in the last 1 MiB of the output", "word": "the match 'xyz' is not a number"}
    numbers, _ = printed.find({"a": "a ([0-9]+)"}, b"a 1\n" + b"x" * printed.TAIL_BYTES)
    assert numbers == {}


def test_a_pattern_that_takes_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each match reads to the end of the output: all together would take 20 minutes."""
    monkeypatch.setattr(printed, "SECONDS", 0.3)
    numbers, reasons = printed.find({"slow": "(?s)(x)(?:.*y)?", "quick": "(x)$"}, b"x" * printed.TAIL_BYTES)
    assert numbers == {} and "take longer than" in reasons["slow"]
    assert reasons["quick"] == "the match 'x' is not a number"


def test_patterns_that_are_exponential_elsewhere_are_quick() -> None:
    _, reasons = printed.find({"x": "((?:a+)+)$"}, b"a" * 40_000 + b"!")
    assert reasons == {"x": "no match in the last 1 MiB of the output"}


def test_a_file_that_was_cut_and_mixed_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    chance = random.Random(5)
    alphabet = "{}[]:,'\"()\\*+?.|^$\n -0aé\x00\x1b&!#%@`~"
    file = tmp_path / "small.yaml"
    refused = 0
    for _ in range(600):
        text = list(SCENARIO)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(text))
            match chance.randrange(3):
                case 0:
                    del text[place : place + chance.randint(1, 30)]
                case 1:
                    text.insert(place, chance.choice(alphabet) * chance.randint(1, 3))
                case _:
                    text[place:place] = text[chance.randrange(len(text)) :][: chance.randint(1, 80)]
        file.write_text("".join(text))
        try:
            load(file, environments=ENVIRONMENTS)
        except InputError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1 and str(error).isprintable(), str(error)
    assert 300 < refused < 600
