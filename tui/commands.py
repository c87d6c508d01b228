"""The command line that does what a screen does, as words for a person and for a process."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from repro.base.errors import InputError
from repro.base.number_ranges import format_numbers, parse_numbers

if TYPE_CHECKING:
    from repro.scenario.types import Scenario


def show(words: Sequence[str]) -> str:
    """Words as one would type them."""
    return shlex.join(["repro", *words])


def is_file(scenario: str) -> bool:
    """Whether `repro run` takes this for a file, not for a shipped name."""
    return "/" in scenario or scenario.endswith(".yaml")


def ticket_arguments(words: Sequence[str]) -> list[str]:
    """Words of a run or a sweep for a process that may run in another folder, and reads no progress bar."""
    command, *rest = words
    count = next((i for i, one in enumerate(rest) if one.startswith("--")), len(rest))
    names = [str(Path(name).absolute()) if is_file(name) else name for name in rest[:count]]
    return [command, *names, *rest[count:], "--json", "--plain"]


def store_option(store: Path) -> list[str]:
    """`--store`, where it is not the one that `repro` would take by itself."""
    usual = Path(os.environ.get("REPRO_STORE") or "runs")
    return [] if store.absolute() == usual.absolute() else ["--store", str(store)]


def command_for_run(store: Path, command: str, run_id: str) -> str:
    """The command line that does something to one run of a store."""
    return show([command, run_id.rpartition("-")[2], *store_option(store)])


# A trace costs 0.2 MB a step: short runs are always worth it. Environments where what-if was tried.
TRACED_ENVIRONMENTS = frozenset({"keras-3", "tf-keras"})
TRACED_EPOCHS = 50


def worth_a_trace(environments: Sequence[str], scenarios: Iterable[Scenario]) -> bool:
    """Whether runs that the UI starts are traced, so that what-if can answer afterwards."""
    return TRACED_ENVIRONMENTS.issuperset(environments) and all(
        one.fit.epochs <= TRACED_EPOCHS and (one.batch_norm is None or one.batch_norm.reason_against_trace is None)
        for one in scenarios
    )


@dataclass(frozen=True)
class Request:
    """What is to be run: every scenario in every environment with every seed."""

    scenarios: list[str]
    environments: list[str] = field(default_factory=lambda: ["keras-3"])
    seeds: list[int] = field(default_factory=lambda: [0])
    device: str = "auto"
    images: str = ""
    traced: bool = False

    def arguments(self) -> list[str]:
        """The one command line for all of it."""
        words = ["run", *self.scenarios]
        for environment in self.environments:
            words += ["--environment", environment]
        for text in format_numbers(self.seeds):
            words += ["--seed", text]
        return words + self._rest()

    def each(self) -> list[tuple[str, str, int, list[str]]]:
        """Scenario, environment, seed and words of each single run, in the order in which they are done."""
        return [
            (
                scenario,
                environment,
                seed,
                ["run", scenario, "--environment", environment, "--seed", str(seed), *self._rest()],
            )
            for seed in self.seeds
            for environment in self.environments
            for scenario in self.scenarios
        ]

    def _rest(self) -> list[str]:
        words = ["--again"]  # who presses Run wants to see it train
        words += ["--trace"] if self.traced else []
        words += [] if self.device == "auto" else ["--device", self.device]
        return words + (["--images", self.images] if self.images else [])


@dataclass(frozen=True)
class SweepRequest:
    """Rates over seeds: every scenario in every environment with every seed."""

    scenarios: list[str]
    environments: list[str]
    seeds: list[int]

    def arguments(self) -> list[str]:
        """The command line."""
        words = ["sweep", *self.scenarios]
        for text in format_numbers(self.seeds):
            words += ["--seeds", text]
        for environment in self.environments:
            words += ["--environment", environment]
        return words

    def runs(self) -> Request:
        """The same runs one by one."""
        return Request(self.scenarios, self.environments, self.seeds)


def parse_seeds(text: str) -> list[int]:
    """Return the seeds that are typed as `0`, `0,1,2` or `0:3` (3 left out); ValueError, for people, for any others."""
    try:
        return parse_numbers([text.replace(" ", ",")], "seeds")
    except InputError as error:
        raise ValueError(str(error)) from None
