"""Two users on one store, odd names, very long paths, other locales, a strict umask, no home."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.runs import store as store_module
from repro.runs.store import Store
from tests.support.paths import ROOT
from tests.support.places import NOBODY, UNKNOWN, Place, said, states
from tests.support.runs import recorded
from tests.support.stand_in_worker import WHOLE
from tests.support.terminal import Terminal, variables

WRITES_ENVIRONMENT = "send('environment_probed', record={'facts': {'device': 'cpu'}, 'missing': {}})\n"
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


# -- two users --------------------------------------------------------------------------------------------------------


def test_another_users_store_is_read_and_not_written(shared: Place) -> None:
    assert shared.run().code == 0
    shared.worker("epoch(1); sys.exit(1)")
    assert shared.run().code == 4
    finished, failed = (run.id for run in shared.runs())

    def other(*arguments: str | Path) -> object:
        return shared(*arguments, user=NOBODY, group=NOBODY)

    listed = shared("runs", "--json", user=NOBODY)
    assert states(listed) == ["finished", "failed"] and listed.err == ""
    for arguments in (["show", finished], ["watch", failed, "--plain"], ["list"], ["compare", finished, failed]):
        answer = shared(*arguments, user=NOBODY)
        assert said(answer) == [] and answer.out
    outside = Path(f"/tmp/repro-faults-{os.getpid()}.zip")
    try:
        assert shared("export", finished, "-o", outside, user=NOBODY).code == 0
    finally:
        outside.unlink(missing_ok=True)
    shared.run(user=NOBODY).refused(3, "cannot be written (Permission denied)", f"chown it to {NOBODY}:")
    shared("resume", failed, user=NOBODY).refused(3, "Permission denied")
    shared("delete", finished, user=NOBODY).refused(3, "Permission denied")
    assert states(shared("runs", "--json")) == ["finished", "failed"]


def test_a_running_run_of_another_user(shared: Place) -> None:
    assert shared.run().code == 0
    (run,) = shared.runs()
    run.file("result.json").unlink()
    with run.acquire():
        assert states(shared("runs", "--json", user=NOBODY)) == ["running"]
        shared("stop", run.id, user=NOBODY).refused(3, "Permission denied")
        shared("delete", run.id, user=NOBODY).refused(2, "is running: stop it first")
        assert not run.file("stop").exists()


def test_a_store_for_two(shared: Place) -> None:
    """Each writes runs of their own; a run that one may not read hides no other, and says why."""
    shared.store.mkdir()
    shared.store.chmod(0o1777)
    assert shared.run(umask=0o077).code == 0
    assert shared.run(user=NOBODY, group=NOBODY, extra_groups=[]).code == 0
    mine, theirs = shared.runs()
    assert (mine.path.stat().st_uid, theirs.path.stat().st_uid) == (0, NOBODY)
    listed = shared("runs", "--json", user=NOBODY, group=NOBODY, extra_groups=[])
    assert listed.err == ""
    rows = json.loads(listed.out)["runs"]
    assert [row["state"] for row in rows] == ["damaged", "finished"]
    assert rows[0]["reason"].endswith("cannot be read (Permission denied): ask whose run it is")
    assert shared.run("--seed", "1", user=NOBODY, group=NOBODY, extra_groups=[]).code == 0
    assert states(shared("runs", "--json")) == ["finished"] * 3
    theirs.file("result.json").unlink()
    theirs.file("events.jsonl").chmod(0)
    theirs.file("events.jsonl").touch()
    rows = json.loads(shared("runs", "--json", user=NOBODY, group=NOBODY, extra_groups=[]).out)["runs"]
    assert rows[1]["state"] == "damaged" and "events.jsonl: cannot be read" in rows[1]["reason"]


def test_a_store_that_may_not_be_listed(shared: Place) -> None:
    assert shared.run().code == 0
    shared.store.chmod(0o700)
    for arguments in (["runs"], ["show", "last"], ["watch", "last"], ["stop", "last"], ["delete", "last"]):
        shared(*arguments, user=NOBODY).refused(3, "the store cannot be read (Permission denied)")
    shared.run(user=NOBODY).refused(3, "Permission denied")


# -- names and places -------------------------------------------------------------------------------------------------


def odd(place: Place) -> None:
    """Spaces, quotes and letters of other scripts in every name; a newline, too, where a user may choose it."""
    folder = place.path / "mein Ordner é 試験 \"x\" 'y'"
    place.file.parent.rename(folder)
    place.file = folder / "s.yaml"
    place.file = place.file.rename(folder / "ein szenario – 1.yaml")
    for file in list((folder / "images").iterdir()):
        file.rename(file.with_name(f"Bild {file.stem} ü ☃.png"))
    place.store = place.path / "ein Lager ☃ 'q'"


@pytest.mark.parametrize("given", [{}, ASCII], ids=["utf-8", "ascii"])
def test_names_with_spaces_and_other_letters(place: Place, given: dict[str, str]) -> None:
    odd(place)
    done = place.run("--images", place.file.parent / "images", variables=given)
    assert done.code == 0, done.err
    (run,) = place.runs()
    assert [image.name for image in run.record().images] == [f"Bild {name} ü ☃.png" for name in "abc"]
    bundle = place.path / "ein Bündel.zip"
    for words in (
        ["show", "last"],
        ["export", "last", "-o", bundle],
        ["verify", bundle, "--no-run"],
        ["issue", "last"],
    ):
        answer = place(*words, variables=given)
        assert answer.code == 0 and said(answer) == [], answer.err
    place("check", place.file.with_name("gibt es nicht ☃.yaml"), variables=given).refused(2, "there is no such file")
    deleted = place("delete", "last", variables=given)
    assert deleted.code == 0 and place.runs() == []
    undo = deleted.out.strip().partition("undo: ")[2]
    if not given:
        assert subprocess.run(shlex.split(undo), check=True).returncode == 0 and len(place.runs()) == 1


def test_a_store_whose_name_is_no_utf8(place: Place) -> None:
    place.store = place.path / os.fsdecode(b"sto\xffre")
    place.worker(
        "at = os.fsdecode(request['directory'].encode('latin-1'))\n"
        "assert os.path.isfile(os.path.join(at, 'run.json')), at\n" + WRITES_ENVIRONMENT + WHOLE
    )
    assert place.run().code == 0
    (run,) = place.runs()
    for words in (["show", "last"], ["runs", "--json"], ["doctor", "--json"], ["issue", "last"], ["list"]):
        answer = place(*words)
        assert said(answer) == [] and answer.out, (words, answer.err)
    assert place("export", "last", "-o", place.path / os.fsdecode(b"\xff.zip"), "--json").code == 0
    run.file("run.json").write_text("{")
    assert states(place("runs", "--json")) == ["damaged"]
    assert place("delete", "last", "--json").code == 0


def test_a_path_that_is_as_long_as_it_may_be(place: Place, record_property: Callable[[str, object], None]) -> None:
    """Near the kernel's 4096 bytes: the longest store works, one byte more is refused before anything is written."""
    most = store_module.PATH_MAX - 256 - store_module.LONGEST_NAME

    def of_length(length: int) -> Path:
        path = place.path
        while (rest := length - len(os.fsencode(path)) - 1) > 250:
            path = path / ("d" * 200)
        return path / ("e" * rest)

    place.store = of_length(most)
    assert len(os.fsencode(place.store)) == most
    assert place.run().code == 0
    assert states(place("runs", "--json")) == ["finished"]
    assert place("export", "last", "-o", place.path / "b.zip").code == 0
    assert place("delete", "last").code == 0
    for length in (most + 1, 4000, 4090):
        place.store = of_length(length)
        place.run().refused(3, "File name too long", f"name a folder of at most {most} bytes with --store")
        assert not place.store.exists()
    record_property("tried", 5)
    place.store = place.path / ("x" * 256)
    place.run().refused(3, "File name too long", "--store")


# -- surroundings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "coerced"),
    [
        ("C", False),
        ("xx_XX.ISO-8859-1", True),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in (("C", True), ("POSIX", True), ("POSIX", False), ("xx_XX.ISO-8859-1", False))
        ),
    ],
)
def test_a_locale_without_utf8(place: Place, locale: str, coerced: bool) -> None:
    given = {"LC_ALL": locale, **({} if coerced else {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})}
    place.file.write_text(place.file.read_text().replace("A small scenario", "Größer als ☃"), encoding="utf-8")
    assert place.run(variables=given).code == 0
    for words in (["list"], ["runs"], ["show", "last"], ["doctor"], ["issue", "last"], ["diagnose", "last"]):
        answer = place(*words, variables=given)
        assert said(answer) == [] and answer.out, (words, answer.err)
    assert "Größer als ☃" in place.runs()[0].file("scenario.yaml").read_text(encoding="utf-8")
    place("show", "gibt es ☃ nicht", variables=given).refused(2, "no run is called")


def test_the_screen_in_a_locale_without_utf8(tmp_path: Path, store: Path) -> None:
    recorded.finished(store)
    screen = Terminal(["-m", "repro", "--store", str(store)], variables(tmp_path) | ASCII)
    try:
        screen.wait_for(b"original-bug")
        os.write(screen.main, b"q")
        assert screen.end() == 0
        assert b"Traceback" not in screen.output
    finally:
        screen.close()


def test_a_strict_umask(place: Place) -> None:
    assert place.run(umask=0o077).code == 0
    (run,) = place.runs()
    for path in run.path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for words in (["show", "last"], ["export", "last", "-o", place.path / "b.zip"], ["delete", "last"]):
        assert place(*words, umask=0o077).code == 0


def test_without_a_home(place: Place) -> None:
    gone = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "USER", "LOGNAME")
    assert place.run(unset=gone).code == 0
    for words in (["list"], ["runs"], ["environment", "list"], ["doctor"]):
        assert said(place(*words, unset=gone)) == []


def test_a_user_without_a_name_and_a_home(shared: Place) -> None:
    shared.store.mkdir()
    shared.store.chmod(0o777)
    cwd = shared.path / "here"
    cwd.mkdir()
    cwd.chmod(0o777)

    def command(*words: str | Path, unset: tuple[str, ...] = ("HOME",)) -> object:
        return shared(*words, unset=unset, user=UNKNOWN, group=UNKNOWN, extra_groups=[], cwd=cwd)

    answer = shared.run(unset=("HOME",), user=UNKNOWN, group=UNKNOWN, extra_groups=[], cwd=cwd)
    assert answer.code == 0, answer.err
    for words in (["list"], ["runs"], ["environment", "list"], ["doctor"], ["show", "last"]):
        found = command(*words)
        assert said(found) == []  # type: ignore[arg-type]
    for words in (["environment", "install", "keras-3"], ["environment", "list"]):
        refused = command(*words, unset=("HOME", "REPRO_ENVIRONMENTS", "XDG_DATA_HOME"))
        refused.refused(3, "HOME is not set", "REPRO_ENVIRONMENTS")  # type: ignore[attr-defined]
    assert list(cwd.iterdir()) == []


def test_the_screen_without_a_home(shared: Place) -> None:
    """As a user whom nobody named, told no folder at all: it opens, keeps no settings, and makes no folder called ~."""
    cwd = shared.path / "here"
    cwd.mkdir()
    cwd.chmod(0o777)
    code = (
        "import os, sys; os.setgroups([]); "
        f"os.setgid({UNKNOWN}); os.setuid({UNKNOWN}); os.chdir({str(cwd)!r}); "
        f"os.execv({str(shared.python)!r}, [{str(shared.python)!r}, '-m', 'repro'])"
    )
    given = {"PATH": "/usr/bin:/bin", "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(path_entries())}
    screen = Terminal(["-c", code], given)
    try:
        screen.wait_for(b"original-bug")
        os.write(screen.main, b"t")
        screen.wait_for(b"theme")
        os.write(screen.main, b"q")
        assert screen.end() == 0
        assert b"Traceback" not in screen.output and list(cwd.iterdir()) == []
    finally:
        screen.close()


def path_entries() -> list[str]:
    """Where this package and those it needs lie."""
    return [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]


# -- very many runs ---------------------------------------------------------------------------------------------------


COUNTS_OPENED_FILES = """\
import collections, sys
opened = collections.Counter()
def count(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(sys.argv[1]):
        opened[arguments[0]] += 1
sys.addaudithook(count)
from repro.cli import run_command_line
code = run_command_line(["--store", *sys.argv[1:]])
print(code, len(opened), max(opened.values()), file=sys.stderr)
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_very_many_runs_are_listed_by_reading_two_files_each_once(tmp_path: Path, count: int) -> None:
    """`benchmarks/tui_start.py` measures how long that takes."""
    store = tmp_path / "runs"
    for index in range(count):
        recorded.light(store, index)
    for arguments in (["runs"], ["runs", "--json"]):
        command = [sys.executable, "-c", COUNTS_OPENED_FILES, str(store), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.count("original-bug") >= count // 3
        code, files, most_often = map(int, done.stderr.split())
        assert (code, files, most_often) == (0, 2 * count, 1)
    assert len(Store(store).runs()) == count
