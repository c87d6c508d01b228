"""Requirement lists as they are typed."""

from __future__ import annotations

import pytest

from repro.base.errors import InputError
from repro.bundle.redact.command_line import private_arguments
from repro.environment.named import is_list, split_names
from repro.environment.requirement_list import parse


def test_commas_between_requirements_and_within_one_are_told_apart() -> None:
    assert parse(["keras==2.1.3,h5py>=2,<3", "Tensorflow==1.4.0"]).texts == [
        "keras==2.1.3",
        "h5py<3,>=2",
        "tensorflow==1.4.0",
    ]


def test_lists_that_ask_for_the_same_have_one_key() -> None:
    assert parse(["keras==2.1.3,tensorflow==1.4.0"]).key == parse(["TensorFlow == 1.4.0", "keras==2.1.3"]).key


def test_only_exact_versions_are_pins() -> None:
    assert parse(["keras==2.1.3,h5py<3,six==1.*"]).pins == {"keras": "2.1.3"}


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (["keras=2.1.3"], "not a requirement"),
        (["keras @ https://example.org/k.whl"], "addresses"),
        (["keras==2; python_version<'3'"], "markers"),
        (["keras==2.1.3,Keras==2.1.4"], "twice"),
        (["tensorflow==2.1.0,tensorflow-cpu==2.1.0"], "two builds"),
        (["-e=."], "not a requirement"),
        ([""], "nothing is named"),
        (["k" * 300 + "==1"], "too long"),
        ([f"a{number}==1" for number in range(21)], "too many"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(texts: list[str], word: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(texts)
    assert word in str(caught.value) and "\n" not in str(caught.value) and caught.value.do


def test_names_and_lists_are_told_apart() -> None:
    assert not is_list("keras-2.0.9") and is_list("keras==2.0.9")
    named = split_names(["keras-3,tf-2.6", "keras==3.5.0,tensorflow==2.17.0"], "--environment")
    assert named == ["keras-3", "tf-2.6", "keras==3.5.0,tensorflow==2.17.0"]


def test_a_name_within_a_list_is_refused() -> None:
    with pytest.raises(InputError, match="without a version"):
        split_names(["keras-3,keras==2.1.3"], "--environment")


def test_requirements_leave_in_a_bundle_but_not_those_of_unknown_packages() -> None:
    words = [
        "repro",
        "run",
        "original-bug",
        "--environment",
        "keras==2.1.3,h5py<3",
        "keras-2.1.3-tensorflow-1.4.1-eaa4cd",
    ]
    assert private_arguments([*words, "acme-internal==1.0"]) == ["acme-internal==1.0"]
