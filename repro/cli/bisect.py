"""`repro bisect`: the release at which a claim begins to fail."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import Any

import click
from packaging.version import Version

from repro.base.errors import ExitCode, InputError
from repro.base.text import one_line
from repro.bisect.bisection import Bisection, Found, as_object
from repro.bisect.search import confidence, most_tries
from repro.bisect.trial import Trial, Trials
from repro.bundle.run_arguments import open_runs
from repro.cli.basics import images_options
from repro.cli.common import echo_note, echo_text, json_option, open_store, print_json, store_option
from repro.environment import definition
from repro.environment.named import named
from repro.explain import compare
from repro.runs.planning import RunOptions, parse_seeds
from repro.runs.store import Store
from repro.scenario import load, own_model
from repro.supervise.signals import stop_on_signals

_REPOSITORIES = {
    "keras": ("keras-team/keras", "2.6.0"),
    "tf-keras": ("keras-team/tf-keras", "0"),
    "tensorflow": ("tensorflow/tensorflow", "0"),
    "tensorflow-cpu": ("tensorflow/tensorflow", "0"),
    "tensorflow-gpu": ("tensorflow/tensorflow", "0"),
}
_SIGNS = {"held": "held", "failed": "FAILED", "skipped": "skipped"}


@click.command("bisect")
@click.argument("scenario", metavar="NAME|FILE")
@click.option(
    "--good", required=True, metavar="ENV", help="Where the claim holds: a name, or for example keras==2.0.9."
)
@click.option("--bad", required=True, metavar="ENV", help="Where it fails.")
@click.option("--claim", metavar="ID", help="The claim to look at.  [default: whether all hold]")
@click.option("--seeds", multiple=True, metavar="A:B", help="From A up to B - 1; also 0,3,5.  [default: 0]")
@click.option("--scan", is_flag=True, help="Try every release: a change can come and go.")
@images_options
@click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of one run.  [default: usable cores]")
@click.option("--deterministic", is_flag=True, help="Turn op determinism on (changes the bits).")
@click.option("--trust", is_flag=True, help="Run the Python code of a scenario with a model of its own.")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Find the release of Keras or TensorFlow at which a claim begins to fail.

    Both ends are tried first. Then the releases between them are halved; packages that moved with the release are held
    still afterwards, one after the other. Finished runs of the store count, so the same command continues where it was
    interrupted. Exit 0: found; 1: narrowed down only; 2: the ends do not differ.
    """
    store = open_store(options["store"])
    run_options = _run_options(options)
    _require_claim(options["scenario"], options["claim"], run_options)
    store.check_writable()
    trials = Trials(store, run_options, options["claim"], ["repro", *sys.argv[1:]], echo_note)
    search = Bisection(trials, echo_note, _report)
    with stop_on_signals(trials.stop):
        result = search.run(options["good"], options["bad"], scan=options["scan"])
    wanted = {"claim": options["claim"], "good": options["good"], "bad": options["bad"]}
    if options["as_json"]:
        print_json(as_object(result, scenario=options["scenario"], **wanted))
    else:
        _print(result, store)
    ctx.exit(int(ExitCode.DONE if result.is_found else ExitCode.NOT_REPRODUCED))


def _run_options(options: dict[str, Any]) -> RunOptions:
    return RunOptions.from_click({**options, "scenarios": (options["scenario"],), "seed_option": "--seeds"})


def _require_claim(scenario: str, claim: str | None, options: RunOptions) -> None:
    """Refuse a claim that the scenario does not make, and code that is not trusted, before anything is made."""
    loaded = load.load(load.find(scenario), environments=definition.names())
    own_model.require_trust(loaded.scenario, trusted=options.trust, file=loaded.file)
    parse_seeds(options)
    known = [one.id for one in loaded.scenario.claims]
    if claim is not None and claim not in known:
        what = f"{loaded.scenario.name} makes no claim {one_line(claim, 60)!r}"
        raise InputError(what, do=f"choose from {', '.join(known)}" if known else "it makes none")


def _report(result: Found) -> None:
    """Say the state of the search in one line."""
    first, second = result.ends
    strip = "".join(
        {"held": "+", "failed": "-", "skipped": "?"}.get(result.outcomes.get(place, ""), ".")
        for place in range(len(result.axis.places))
    )
    left = most_tries(result.low, result.high)
    more = f"at most {left} more to try" if left else "neighbours"
    echo_note(f"{result.axis.package} [{strip}] good to {first.release}, bad from {second.release}: {more}")


def _print(result: Found, store: Store) -> None:
    for place in sorted(result.trials):
        echo_text(_line(result.trials[place]))
    for what, trial in result.exchanges:
        echo_text(f"{what}: {_line(trial)}")
    echo_text()
    first, second = result.ends
    package = result.axis.package
    if not result.is_found:
        between = result.axis.releases[result.low + 1 : result.high]
        row = ", ".join(between)
        echo_text(f"between {package} {first.release} (good) and {second.release} (bad): {row} could not be tried")
    else:
        echo_text(f"{package} {first.release} is the last good release, {second.release} the first bad one")
        echo_text(_cause(result))
    for before, after in result.changes:
        names = result.axis.releases
        echo_text(f"the outcome changes between {names[before]} and {names[after]}")
    echo_text(_confidence(first, second))
    if result.is_found:
        echo_text(_tags(result.package or package, result))
        _print_comparison(first, second, store)


def _line(trial: Trial) -> str:
    day = f" ({trial.day})" if trial.day is not None else ""
    count = f" {trial.held} of {trial.decided}" if trial.decided > 1 else ""
    runs = f"  {', '.join(run.rpartition('-')[2] for run in trial.runs)}" if trial.runs else ""
    reason = f": {trial.reason}" if trial.reason else ""
    outcome = f"{_SIGNS[trial.outcome]:<8}{count}"
    return f"{trial.release:<9}{day:<14} {outcome}{runs}  {trial.environment or ''}{reason}".rstrip()


def _cause(result: Found) -> str:
    also = ", ".join(result.also)
    if result.package is not None:
        return f"the cause is in {result.package}" + (
            f"; {also} moved with it and were held still" if result.exchanges else ""
        )
    return f"with it moved {also}: which of them is the cause cannot be told from the trials above"


def _confidence(first: Trial, second: Trial) -> str:
    known = confidence(first.held, first.decided, second.held, second.decided)
    if first.decided == second.decided == 1:
        return "one seed on each side says nothing about chance: --seeds 0:5 does"
    counts = f"held {first.held} of {first.decided} against {second.held} of {second.decided}"
    return f"{counts}: {known:.1%} sure that it is not chance"


def _tags(package: str, result: Found) -> str:
    """Return where the changes between the two releases can be read."""
    repository, first_v = _REPOSITORIES[package]
    versions = [named(trial.environment or "").locked_versions().get(package, "") for trial in result.ends]
    tags = [f"v{one}" if Version(one) >= Version(first_v) else one for one in versions if one]
    return f"read the changes of {repository} between the tags {' and '.join(tags)}"


def _print_comparison(first: Trial, second: Trial, store: Store) -> None:
    with contextlib.ExitStack() as stack:
        views = open_runs([first.runs[0], second.runs[0]], store, stack)
        width = max(80, shutil.get_terminal_size((120, 24)).columns)
        echo_text()
        echo_text(compare.as_text(compare.compare(views), all_rows=False, width=width))
