"""The search as a whole, on environments that are really made from an index on this machine; trainings are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from repro.base.errors import InputError
from repro.bisect.axis import make_axis
from repro.bisect.bisection import Bisection, Found, as_object
from repro.bisect.search import Outcome
from repro.bisect.trial import Trial, Trials
from repro.environment import made
from repro.environment.definition import Environment
from repro.environment.requirement_list import RequirementList
from repro.environment.resolve import resolve
from repro.runs.plan import Plan
from repro.runs.planning import RunOptions
from repro.runs.store import Store
from tests.support.package_index import PackageIndex
from tests.support.releases_index import MINOR

Rule = Callable[[dict[str, str]], Outcome]


class ToldTrials(Trials):
    """Resolves each environment for real; what its training would give is told by a rule over its versions."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(Store("unused"), RunOptions(), "C", [], lambda _: None)
        self.rule = rule
        self.tried: list[str] = []

    def make(self, wanted: RequirementList, python: str | None = None, as_of: date | None = None) -> Environment:
        return made.keep(wanted, resolve(wanted, python=MINOR, as_of=as_of), None, as_of)

    def plans(self, environment: Environment) -> list[Plan]:
        return []

    def try_environment(self, environment: Environment, release: str, day: date | None) -> Trial:
        self.tried.append(environment.name)
        outcome = self.rule(environment.locked_versions())
        decided = 0 if outcome == "skipped" else 1
        return Trial(environment.name, release, day, outcome, ["run"], int(outcome == "held"), decided)


def search(trials: ToldTrials, good: str, bad: str, *, scan: bool = False) -> Found:
    return Bisection(trials, lambda _: None, lambda _: None).run(good, bad, scan=scan)


def test_keras_is_found_and_tensorflow_that_moved_with_it_is_held_still(index: PackageIndex) -> None:
    trials = ToldTrials(lambda pins: "failed" if pins["keras"] >= "2.1.3" else "held")
    found = search(trials, "keras==2.0.9", "keras==2.2.0")
    told = as_object(found, scenario="s", claim="C", good="keras==2.0.9", bad="keras==2.2.0")
    assert (told["last_good"], told["first_bad"], told["package"]) == ("2.1.2", "2.1.3", "keras")
    assert told["also"] == ["tensorflow"] and len(trials.tried) <= 6 + 2
    assert told["tried"][0]["release"] == "2.0.9" and told["confidence"] == 0.5
    moved, still = (one["environment"] for one in told["exchanged"])
    assert moved.startswith("keras-2.1.3-tensorflow-1.4.0") and still.startswith("keras-2.1.2-tensorflow-1.4.1")


def test_tensorflow_is_the_cause_where_keras_moved_with_it(index: PackageIndex) -> None:
    trials = ToldTrials(lambda pins: "failed" if pins["tensorflow"] >= "1.4.1" else "held")
    found = search(trials, "keras==2.0.9", "keras==2.2.0")
    assert (found.ends[0].release, found.ends[1].release, found.package) == ("2.1.2", "2.1.3", "tensorflow")
    assert len(found.exchanges) == 3


def test_where_both_are_needed_no_package_is_named(index: PackageIndex) -> None:
    rule: Rule = lambda pins: "failed" if pins["tensorflow"] >= "1.4.1" and pins["keras"] >= "2.1.3" else "held"  # noqa: E731
    assert search(ToldTrials(rule), "keras==2.0.9", "keras==2.2.0").package is None


def test_nothing_is_exchanged_where_only_keras_moved(index: PackageIndex) -> None:
    trials = ToldTrials(lambda pins: "failed" if pins["keras"] >= "2.1.3" else "held")
    found = search(trials, "keras==2.0.9,tensorflow==1.4.0,six==1.11.0", "keras==2.2.0,tensorflow==1.4.0,six==1.11.0")
    assert found.package == "keras" and not found.exchanges and not found.also


def test_the_other_way_round_is_from_new_to_old(index: PackageIndex) -> None:
    trials = ToldTrials(lambda pins: "held" if pins["keras"] >= "2.1.3" else "failed")
    found = search(trials, "keras==2.2.0", "keras==2.0.9")
    assert (found.ends[0].release, found.ends[1].release) == ("2.1.3", "2.1.2")


def test_a_release_that_cannot_be_tried_is_skipped_and_the_rest_is_named(index: PackageIndex) -> None:
    def rule(pins: dict[str, str]) -> Outcome:
        return "skipped" if pins["keras"] == "2.1.2" else "failed" if pins["keras"] >= "2.1.3" else "held"

    found = search(ToldTrials(rule), "keras==2.0.9", "keras==2.2.0")
    assert not found.is_found and (found.ends[0].release, found.ends[1].release) == ("2.1.1", "2.1.3")


def test_a_release_that_cannot_be_had_is_skipped_with_its_reason(index: PackageIndex) -> None:
    index.files["keras"] = [one for one in index.files["keras"] if "2.1.1" not in one.name]
    index.add("keras", "2.1.1", "2017-11-14", tag="cp35-cp35m-manylinux1_x86_64")
    trials = ToldTrials(lambda pins: "failed" if pins["keras"] >= "2.1.3" else "held")
    found = search(trials, "keras==2.0.9", "keras==2.2.0", scan=True)
    skipped = [trial for trial in found.trials.values() if trial.outcome == "skipped"]
    assert [trial.release for trial in skipped] == ["2.1.1"] and skipped[0].reason
    assert found.is_found and found.changes == [(3, 4)]


def test_a_scan_tries_all_and_names_a_change_that_comes_and_goes(index: PackageIndex) -> None:
    trials = ToldTrials(lambda pins: "held" if pins["keras"] in ("2.0.9", "2.1.1", "2.1.2") else "failed")
    found = search(trials, "keras==2.0.9", "keras==2.2.0", scan=True)
    names = found.axis.releases
    assert [(names[one], names[other]) for one, other in found.changes] == [
        ("2.0.9", "2.1.0"), ("2.1.0", "2.1.1"), ("2.1.2", "2.1.3"),
    ]  # fmt: skip
    assert len(found.trials) == len(names) == 6


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (lambda _: "held", "do not differ: the claim held in both"),
        (lambda _: "failed", "do not differ: the claim failed in both"),
        (lambda pins: "failed" if pins["keras"] == "2.0.9" else "held", "exchange --good and --bad"),
        (lambda pins: "skipped" if pins["keras"] == "2.2.0" else "held", "--bad: nothing is decided"),
    ],
)
def test_ends_that_do_not_differ_are_refused_after_two_tries(index: PackageIndex, rule: Rule, word: str) -> None:
    trials = ToldTrials(rule)
    with pytest.raises(InputError, match=word):
        search(trials, "keras==2.0.9", "keras==2.2.0")
    assert len(trials.tried) == 2


def test_ends_without_a_package_in_two_releases_are_refused_before_anything_is_made(index: PackageIndex) -> None:
    trials = ToldTrials(lambda _: "held")
    for good, bad in (("keras==2.0.9", "tensorflow==2.0.0"), ("keras==2.0.9", "keras==2.0.9"), ("keras>2", "keras<3")):
        with pytest.raises(InputError, match="no package in two releases"):
            search(trials, good, bad)
    with pytest.raises(InputError, match=r"keras 2.0.10 was never released"):
        search(trials, "keras==2.0.9", "keras==2.0.10")
    assert not trials.tried


def test_the_row_between_shipped_environments_is_that_of_their_keras(index: PackageIndex) -> None:
    index.add("keras", "2.2.4", "2018-10-03")
    axis = make_axis("keras-2.0.9", "keras-2.2.4")
    assert axis.package == "keras" and axis.releases[0] == "2.0.9" and axis.releases[-1] == "2.2.4"
    assert str(axis.places[1].wanted) == "keras==2.1.0"


def test_what_both_ends_ask_for_is_asked_for_between_them(index: PackageIndex) -> None:
    axis = make_axis("keras==2.0.9,six==1.11.0,tensorflow==1.3.0", "keras==2.1.3,tensorflow==1.4.1,six==1.11.0")
    assert str(axis.places[1].wanted) == "six==1.11.0,keras==2.1.0"
