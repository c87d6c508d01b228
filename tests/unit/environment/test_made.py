"""Environments made on demand: installed by uv from an index on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from repro.base.errors import InputError, ReproError, UnusableError
from repro.cli import run_command_line
from repro.environment import check, definition, made, use
from repro.environment.install import install
from repro.environment.named import named
from repro.environment.requirement_list import parse
from repro.environment.resolve import resolve
from repro.supervise.new_environment import make
from tests.support import index_of_test
from tests.support.package_index import PackageIndex
from tests.support.releases_index import MINOR


def quiet(_: str) -> None:
    """Say nothing."""


def kept(text: str) -> definition.Environment:
    wanted = parse([text])
    return made.keep(wanted, resolve(wanted, python=MINOR), MINOR)


def test_the_name_holds_versions_and_the_locks_hash(index: PackageIndex) -> None:
    one = kept("keras==2.1.2")
    assert one.name == f"keras-2.1.2-tensorflow-1.4.0-{one.lock_sha256()[:6]}"
    assert (one.definition.adapter, one.definition.requirements) == ("keras-2", ["keras==2.1.2"])


@pytest.mark.parametrize(
    ("text", "adapter", "variables"),
    [
        ("keras==2.2.0", "keras-2", {}),
        ("keras==3.0.5", "keras-3", {}),
        ("tensorflow==2.0.0", "tf-keras", {}),
        ("tf-keras==2.16.0", "tf-keras", {"TF_USE_LEGACY_KERAS": "1"}),
    ],
)
def test_the_adapter_follows_from_the_versions(
    index: PackageIndex, text: str, adapter: str, variables: dict[str, str]
) -> None:
    index.add("tf-keras", "2.16.0", "2024-03-09", needs=("tensorflow==2.16.*",))
    one = kept(text).definition
    assert (one.adapter, one.variables) == (adapter, {"KERAS_BACKEND": "tensorflow", **variables})


def test_lists_with_one_lock_are_one_environment_and_need_no_index_later(
    index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = kept("keras==2.1.2"), kept("keras==2.1.2,tensorflow==1.4.0")
    assert first.name == second.name
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    index_of_test.forget()
    again = made.answer_to(parse(["tensorflow==1.4.0,keras==2.1.2"]), MINOR)
    assert again is not None and again.name == first.name
    assert made.answer_to(parse(["keras==2.1.3"]), MINOR) is None


def test_a_list_that_resolves_to_a_shipped_lock_is_that_environment(index: PackageIndex) -> None:
    shipped = definition.get("keras-3")
    if shipped.definition.python != MINOR:
        pytest.skip("the shipped lock is for another Python")
    locked = {name: version for name, version in shipped.locked_versions().items() if name not in made.TOOLS}
    for name, version in locked.items():
        index.files.pop(name, None)
        index.add(name, version, "2026-01-01")
    text = ",".join(f"{name}=={version}" for name, version in locked.items() if name in ("keras", "tensorflow-cpu"))
    index.files.pop("keras")
    needs = tuple(name for name in locked if name not in ("keras", "tensorflow-cpu"))
    index.add("keras", locked["keras"], "2026-01-01", needs=needs)
    assert kept(text).name == "keras-3"


def test_it_is_installed_as_locked_and_a_second_one_shares_its_files(index: PackageIndex) -> None:
    first, second = kept("keras==2.1.1,tensorflow==1.4.0"), kept("keras==2.1.2,tensorflow==1.4.0")
    for one in (first, second):
        assert install(one, say=quiet)
        assert check.drift(one) == []
        assert not install(one, say=quiet)
    assert first.name != second.name
    large = [next(one.prefix.glob("lib/*/site-packages/tensorflow/large.bin")) for one in (first, second)]
    assert large[0].samefile(large[1])
    size = use.size(second.prefix)
    assert size.total > 2_000_000 > size.own


def test_an_installation_goes_to_the_first_folder_that_can_be_written_and_is_found_in_all(
    index: PackageIndex, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept("keras==2.1.2")
    install(one, say=quiet)
    later = own_home / "later"
    monkeypatch.setenv("REPRO_ENVIRONMENTS", f"{later}:{own_home / 'environments'}")
    assert named(one.name).is_installed()
    assert kept("keras==2.1.3").prefix.parent == later


def test_a_refused_installation_leaves_nothing_and_says_why(index: PackageIndex) -> None:
    one = kept("keras==2.1.2")
    text = one.lock.read_text().replace("--hash=sha256:", "--hash=sha256:0")
    one.lock.write_text(
        "\n".join(line[: 4 + len("--hash=sha256:") + 64] if "hash" in line else line for line in text.splitlines())
    )
    with pytest.raises(UnusableError, match="could not be installed") as caught:
        install(one, say=quiet)
    assert "\n" not in str(caught.value) and not one.prefix.exists() and not one.is_installed()


def test_a_full_disk_is_said_and_what_was_begun_is_removed(
    index: PackageIndex, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`prlimit` makes the kernel refuse large files, as a full disk does; uv reports what the kernel says."""
    index.add("keras", "2.1.4", "2018-02-13", needs=("six",), size=30_000_000)
    one = kept("keras==2.1.4")
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))\n"
        "from repro.cli import run_command_line\n"
        f"sys.exit(run_command_line(['environment', 'install', {one.name!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if "making" not in line and "installing" not in line]
    assert done.returncode == 3 and len(lines) == 1, done.stderr
    assert not one.prefix.exists()


def test_two_processes_that_make_the_same_environment_make_it_once(index: PackageIndex) -> None:
    wanted, done, faults = parse(["keras==2.1.2"]), [], []

    def work() -> None:
        try:
            one = made.keep(wanted, resolve(wanted, python=MINOR), MINOR)
            done.append(install(one, say=quiet))
        except ReproError as error:
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults and sorted(done) == [False, True]


def test_one_in_use_is_not_removed(index: PackageIndex) -> None:
    one = kept("keras==2.1.2")
    install(one, say=quiet)
    held = use.hold(one)
    assert held is not None
    with pytest.raises(UnusableError, match="is in use"):
        use.remove(one)
    held.close()
    assert use.remove(one).total > 0
    assert not one.prefix.exists()
    again = made.answer_to(parse(["keras==2.1.2"]), MINOR)
    assert again is not None and not again.is_installed() and install(again, say=quiet)


def test_what_cannot_train_is_told_when_it_is_made_and_runs_are_refused(
    index: PackageIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    """The TensorFlow of this index is empty: a worker in it fails, as that of a real but unknown one would."""
    one = make(parse(["keras==2.1.2"]), python=MINOR, say=quiet)
    assert one.definition.cannot_train.startswith(("ImportError", "ModuleNotFoundError", "AttributeError"))
    assert run_command_line(["run", "original-bug", "--environment", one.name]) == 3
    err = capsys.readouterr().err
    assert "cannot train a scenario" in err and err.count("\n") == 1


def test_commands_make_list_and_remove(index: PackageIndex, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["environment", "new", "mine", "keras==2.1.2", "--python", MINOR, "--json"]) == 0
    made_row = json.loads(capsys.readouterr().out)
    assert made_row["requirements"] == ["keras==2.1.2"] and made_row["installed"] and made_row["keras"] == "2.1.2"
    assert named("mine").name == made_row["name"]
    assert run_command_line(["environment", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["environments"]}
    row = rows[made_row["name"]]
    assert row["bytes"] > row["own_bytes"] > 0 and row["last_use"] > 0
    assert run_command_line(["environment", "remove", "mine"]) == 0
    assert "freed" in capsys.readouterr().out
    assert run_command_line(["environment", "remove", "mine"]) == 2
    assert run_command_line(["environment", "remove", "keras-3"]) == 2


def test_a_name_that_is_taken_or_malformed_is_refused(index: PackageIndex) -> None:
    for name in ("keras-3", "Mine", "a--b", "../x"):
        with pytest.raises(InputError):
            made.check_name(name)
