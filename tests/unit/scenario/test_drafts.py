"""`repro new --script` and `--issue`: scenarios around a program, and from the text of a report."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from repro.environment import definition
from repro.scenario import drafts, program_text, report_text, script_files
from repro.scenario.load import load
from repro.scenario.script_types import ScriptScenario
from tests.support.command_line import Repro, run_here

ISSUES = Path(__file__).parent / "issues"


@pytest.fixture
def repro(capfd: pytest.CaptureFixture[str]) -> Repro:
    return partial(run_here, capfd)


def read(name: str) -> ScriptScenario:
    loaded = load(Path(f"{name}.yaml"), environments=definition.names())
    assert script_files.read(loaded)
    assert isinstance(loaded.scenario, ScriptScenario)
    return loaded.scenario


@pytest.mark.parametrize("issue", sorted(file.stem for file in ISSUES.glob("*.md")))
def test_a_report_becomes_a_valid_scenario_and_nothing_is_overwritten(issue: str, repro: Repro) -> None:
    answer = repro("new", "pasted", "--issue", ISSUES / f"{issue}.md")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("wrote pasted.yaml\nwrote pasted.py\n")
    scenario = read("pasted")
    assert scenario.script.file == "pasted.py" and len(scenario.claims) == 2
    before = Path("pasted.py").read_bytes()
    again = repro("new", "pasted", "--issue", ISSUES / f"{issue}.md")
    assert again.code == 2 and "is there already" in again.err and Path("pasted.py").read_bytes() == before


def test_what_is_missing_in_a_report_is_said(repro: Repro) -> None:
    out = repro("new", "chairs", "--issue", ISSUES / "chairs_and_lamps.md").out
    assert "chairs.py:6: load_pictures is not defined in the report: define it" in out
    assert "the blocks at line 36 of the report" in out
    assert (
        "keras 2.0.4, tensorflow 1.1.0, python 3.6: run it with them, --environment keras==2.0.4,tensorflow==1.1.0"
        in out
    )
    assert Path("chairs.py").read_text().count("model.evaluate") == 1, (
        "the line that is quoted again is not taken twice"
    )
    assert read("chairs").title == "fit says 100 %, evaluate says 50 % on the very same arrays"
    out = repro("new", "batch", "--issue", ISSUES / "batch_of_one.md").out
    assert "names the files images.npy, labels.npy" in out
    out = repro("new", "signs", "--issue", ISSUES / "opencv.md").out
    assert "pictures is not defined" in out and "kinds is not defined" in out and "layers is not" not in out
    program = Path("signs.py").read_text()
    assert "from keras import layers\nimport keras\n" in program and "array([[1., 0., 0.]]" not in program
    assert "model.predict(pictures[:1])" in program


def test_code_of_a_report_is_not_run(repro: Repro, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    issue = tmp_path / "evil.md"
    issue.write_text(f"```python\nopen({str(mark)!r}, 'w')\nimport os; os.system('touch {mark}')\n```\n")
    assert repro("new", "evil", "--issue", issue).code == 0
    assert repro("check", "./evil.yaml").code == 0
    assert repro("run", "./evil.yaml").code == 2
    assert not mark.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"just words, no code", "has no block of Python code: put the code between"),
        (b"```\nTraceback (most recent call last):\n```\n", "its blocks are not Python 3"),
        (b"```python\nprint 'Keras 1'\n```\n", "issue.md:2: its blocks are not Python 3"),
        (b"```\n[0.5, 0.5]\n```\n", "its blocks are not Python 3"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"x" * (1024 * 1024 + 1), "larger than 1 MiB"),
        (b"```python\n" + b"(" * 50_000 + b"\n```\n", "its blocks are not Python 3"),
        (b"> " * 50_000 + b"x", "has no block of Python code"),
    ],
)
def test_reports_without_code_are_one_line(text: bytes, words: str, repro: Repro) -> None:
    Path("issue.md").write_bytes(text)
    answer = repro("new", "x", "--issue", "issue.md")
    assert answer.code == 2 and words in answer.err and len(answer.err.splitlines()) == 1
    assert not Path("x.yaml").exists() and not Path("x.py").exists()


def test_text_of_a_report_cannot_change_the_scenario() -> None:
    title = '# x"\nscript: {file: /etc/passwd} FILE NAME \x1b[2J #'
    Path("issue.md").write_text(f"# {title}\n\n```\nmodel.fit(x, y)\n```\nhttps://example.org/1#FILES\n")
    files, _ = drafts.of_issue("safe", Path("issue.md"))
    for file, text in files.items():
        file.write_text(text)
    scenario = read("safe")
    assert scenario.script.file == "safe.py" and scenario.source == "https://example.org/1#FILES"
    assert "\x1b" not in Path("safe.yaml").read_text()


@pytest.mark.parametrize(
    ("line", "versions"),
    [
        ("Keras version: 2.0.4", {"keras": "2.0.4"}),
        ("I use keras 2.1.2 with TF 1.4", {"keras": "2.1.2", "tensorflow": "1.4"}),
        ("**TensorFlow version**: 2.1.0", {"tensorflow": "2.1.0"}),
        ("tensorflow-gpu==1.12.0", {"tensorflow": "1.12.0"}),
        ("| keras | 2.2.4 |", {"keras": "2.2.4"}),
        ("TensorFlow version (use command below): v2.4.1-0-g85c8b2a817f 2.4.1", {"tensorflow": "2.4.1"}),
        ("tf-keras 2.16.0", {}),
        ("keras-applications 1.0.8", {}),
        ("Keras: master", {}),
        ("keras" + " " * 100_000 + "2.0.4", {}),
    ],
)
def test_versions(line: str, versions: dict[str, str]) -> None:
    Path("issue.md").write_text(f"{line}\n\n```\nimport keras\n```\n")
    assert report_text.read(Path("issue.md")).versions == versions


def test_a_program_gets_a_scenario_with_what_it_reads(repro: Repro) -> None:
    Path("sub").mkdir()
    Path("sub/data.npz").write_bytes(b"1")
    Path("sub/nets.py").write_text("")
    Path("sub/train.py").write_text(
        "import argparse, nets, numpy as np\nargparse.ArgumentParser().add_argument('--seed')\nnp.load('data.npz')\n"
    )
    assert repro("new", "mine", "--script", "sub/train.py").out == "wrote mine.yaml\n"
    scenario = read("mine")
    assert scenario.script.file == "sub/train.py"
    assert scenario.script.arguments == ["--seed", "{seed}"] and scenario.arguments(3) == ["--seed", "3"]
    assert scenario.script.files == ["sub/data.npz", "sub/nets.py"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("../train.py", "", "is not in this folder or below it"),
        ("train.sh", "", "is not a Python file"),
        ("gone.py", None, "there is no such file"),
        ("bad.py", "print 'x'", "is not Python 3"),
    ],
)
def test_programs_that_are_refused(name: str, text: str | None, words: str, repro: Repro) -> None:
    if text is not None:
        Path(name).write_text(text)
    answer = repro("new", "mine", "--script", name)
    assert answer.code == 2 and words in answer.err
    assert repro("new", "mine", "--script", name, "--own-model").code == 2


def test_names_that_are_bound_nowhere() -> None:
    tree = program_text.parse(
        "import a.b as c\nfrom d import e\ndef f(g, *h, **i): return g + h + z\nfor j, (k, l) in m: pass\n"
        "with n as o: p = [q for q in r]\ntry: s\nexcept t as u: u\nmatch v:\n    case [w, *x]: print(w, x)\n"
    )
    assert tree is not None
    assert [(one.name, one.line) for one in program_text.unbound_names(tree)] == [
        ("z", 3),
        ("m", 4),
        ("n", 5),
        ("r", 5),
        ("s", 6),
        ("t", 7),
        ("v", 8),
    ]
    tree = program_text.parse("from keras.layers import *\nDense(anything)\n")
    assert tree is not None and program_text.unbound_names(tree) == []
