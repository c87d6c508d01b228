"""Requirement lists resolved by uv against an index on this machine."""

from __future__ import annotations

import re
from datetime import date

import pytest

from repro.base.errors import InputError, UnusableError
from repro.environment import releases, uv_command
from repro.environment.requirement_list import parse
from repro.environment.resolve import lock_text, resolve
from tests.support import index_of_test
from tests.support.package_index import PackageIndex
from tests.support.releases_index import MINOR


def test_what_is_not_named_is_of_the_day(index: PackageIndex) -> None:
    found = resolve(parse(["keras==2.1.2"]), python=MINOR)
    assert found.day == date(2017, 12, 6)
    assert found.versions == {"keras": "2.1.2", "tensorflow": "1.4.0", "six": "1.11.0", "setuptools": "59.4.0"}
    assert not found.tools


def test_as_of_moves_the_day_of_what_is_not_named(index: PackageIndex) -> None:
    found = resolve(parse(["keras==2.1.2"]), python=MINOR, as_of=date(2019, 1, 1))
    assert (found.versions["tensorflow"], found.versions["six"]) == ("1.4.1", "1.12.0")


def test_keras_2_gets_no_tensorflow_2(index: PackageIndex) -> None:
    assert resolve(parse(["keras==2.2.0"]), python=MINOR, as_of=date(2020, 1, 1)).versions["tensorflow"] == "1.4.1"


def test_without_a_tensorflow_of_that_day_the_day_moves_to_the_first_later_one(index: PackageIndex) -> None:
    found = resolve(parse(["keras==3.0.5"]), python=MINOR)
    assert found.day == date(2024, 3, 8)
    assert found.versions["tensorflow-cpu"] == "2.16.1" and "tensorflow" not in found.versions


def test_the_lock_has_hashes_and_no_address(index: PackageIndex) -> None:
    lock = lock_text(resolve(parse(["keras==2.1.2"]), python=MINOR).pins)
    assert "://" not in lock and index.address not in lock
    assert re.findall(r"^[a-z0-9-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}$", lock, re.M)
    assert lock.count("==") == lock.count("--hash=sha256:") == 4


def test_a_pin_without_a_wheel_becomes_the_next_release_that_has_one(index: PackageIndex) -> None:
    index.add_source("yamlish", "3.12", "2017-01-01")
    index.add_source("yamlish", "3.13", "2018-07-01")
    index.add("yamlish", "5.1", "2019-03-01")
    index.add("yamlish", "6.0", "2021-10-01")
    index.add("keras", "2.1.4", "2018-02-13", needs=("yamlish",))
    found = {pin.name: pin for pin in resolve(parse(["keras==2.1.4"]), python=MINOR).pins}
    assert (found["yamlish"].version, found["yamlish"].has_wheel) == ("5.1", True)
    assert found["six"].version == "1.11.0"  # the day of all others stays


def test_a_pin_that_another_package_holds_stays_without_a_wheel(index: PackageIndex) -> None:
    index.add_source("yamlish", "3.12", "2017-01-01")
    index.add("yamlish", "5.1", "2019-03-01")
    index.add("keras", "2.1.4", "2018-02-13", needs=("yamlish==3.12",))
    resolution = resolve(parse(["keras==2.1.4"]), python=MINOR)
    found = {pin.name: pin for pin in resolution.pins}
    assert (found["yamlish"].version, found["yamlish"].has_wheel) == ("3.12", False)
    assert [(tool.name, tool.version) for tool in resolution.tools] == [("setuptools", "59.4.0"), ("wheel", "0.37.0")]


def test_no_wheel_for_any_python_here_says_what_there_is(index: PackageIndex) -> None:
    index.add("tensorflow", "0.12.0", "2016-12-19", tag="cp35-cp35m-manylinux1_x86_64")
    with pytest.raises(UnusableError, match=r"no Python here can have tensorflow==0.12.0 .*wheels for Python 3.5"):
        resolve(parse(["tensorflow==0.12.0"]), python=MINOR)


def test_a_conflict_is_uvs_reason_in_one_line(index: PackageIndex) -> None:
    with pytest.raises(InputError) as caught:
        resolve(parse(["tensorflow==2.16.1,keras==2.1.3"]), python=MINOR)
    line = str(caught.value)
    assert "depends on keras>=3" in line and "you require keras==2.1.3" in line
    assert "\n" not in line and len(line) < 400


def test_a_release_that_does_not_exist_names_the_nearest(index: PackageIndex) -> None:
    with pytest.raises(InputError, match=r"keras 2.1.99 was never released: the nearest are 2.1.7 and 2.2.0"):
        resolve(parse(["keras==2.1.99"]), python=MINOR)
    with pytest.raises(InputError, match="no package kerras"):
        resolve(parse(["kerras==1"]), python=MINOR)


def test_without_an_index_the_table_tells_days_and_nothing_is_resolved(
    index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    index_of_test.forget()
    known = releases.of("keras")
    assert not known.is_current and known.day("2.1.3") == date(2018, 1, 16)
    with pytest.raises(UnusableError, match="cannot be reached") as caught:
        resolve(parse(["keras==2.1.3"]), python=MINOR)
    assert "\n" not in str(caught.value)


def test_an_index_that_tells_no_days_is_refused(index: PackageIndex) -> None:
    index.add("undated", "1.0", None)
    with pytest.raises(UnusableError, match="no days of upload"):
        resolve(parse(["undated==1.0"]), python=MINOR)


def test_pips_index_is_used_where_uv_has_none(monkeypatch: pytest.MonkeyPatch, index: PackageIndex) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", index.address)
    index_of_test.forget()
    assert uv_command.index_address() == index.address


def test_the_row_leaves_out_corrections_of_an_older_line(index: PackageIndex) -> None:
    assert releases.of("keras").axis("2.2.0", "2.0.9") == ["2.0.9", "2.1.0", "2.1.1", "2.1.2", "2.1.3", "2.2.0"]
