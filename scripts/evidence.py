"""The tables and the plot of docs/, from runs: no figure in them is typed by hand.

    python -m scripts.evidence run --store DIR [--seeds 0:3]     train what matrix and remedies need and DIR lacks
    repro sweep momentum-0.01 --seeds 0:10 --environment keras-3 --environment keras-2.0.9 --store DIR    and the rates,
    repro sweep momentum-0.9 --seeds 0:10 --environment keras-3 --store DIR                               of both
    python -m scripts.evidence collect --store DIR               take the latest finished runs into docs/evidence/
    python -m scripts.evidence tables [--check]                  write tables and plot from docs/evidence/

A run is taken where it trained what its scenario says today; its claims are decided anew from its measurements, so that
a claim may be reworded without training again. Rows of runs that DIR does not hold stay as they are.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from repro.base.errors import ReproError
from repro.base.files import sha256
from repro.base.number_ranges import parse_numbers
from repro.environment import definition
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.records import Measurements
from repro.runs.run_json import run_json
from repro.runs.store import Store
from repro.runs.verdict import decide_all, verdict
from repro.runs.view import RunView
from repro.scenario.images import list_files
from repro.scenario.load import load, parse, shipped_files
from repro.scenario.types import Scenario
from repro.sweep.tally import rate
from scripts import audit, reliability

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE = ROOT / "docs/evidence"
HISTORY = ("original-bug", "momentum-0.01")
ENVIRONMENTS = ("keras-2.0.9", "keras-2.2.4", "keras-2.3.1", "tf-2.6", "tf-keras", "keras-3")
LONG = ("epochs-1000", "keras-3", 0)
REPORT = ("original-bug", "forced-learning-phase", "epochs-1000", "momentum-0.01")
MOMENTA = (0.999, 0.99, 0.9, 0.5, 0.01)
RATES = {"momentum-0.01": ("keras-2.0.9", "keras-3"), "momentum-0.9": ("keras-3",)}  # over ten seeds, and where
RATE_SEEDS = range(10)
SETTINGS = ("images", "model", "batch_norm", "compile", "fit", "measure_at")


def scenarios() -> dict[str, Scenario]:
    """The shipped scenarios by name."""
    return {file.stem: load(file, environments=definition.names()).scenario for file in shipped_files()}


def remedies() -> list[str]:
    """Names of the remedies, then of the controls."""
    found = scenarios().values()
    return [one.name for group in ("remedy", "control") for one in found if one.group == group]


def matrices(seeds: list[int]) -> dict[str, list[tuple[str, str, int]]]:
    """For each file of evidence that holds one run of a kind: scenario, environment, seed."""
    return {
        "history": [(name, at, seed) for name in HISTORY for at in ENVIRONMENTS for seed in seeds],
        "report": [("forced-learning-phase", "keras-2.0.9", 0), ("forced-learning-phase", "keras-3", 0), LONG],
        "remedies": [(name, "keras-3", 0) for name in ("original-bug", *remedies())],
    }


def train(store: Store, seeds: list[int], *, long: bool) -> None:
    """Run what is missing, one after another; a claim that fails is a result like any other."""
    have = {key[:3] for key in usable(store)}
    wanted = dict.fromkeys(run for runs in matrices(seeds).values() for run in runs)
    for name, environment, seed in wanted:
        if (name, environment, seed) in have or not definition.get(environment).is_installed():
            continue
        if (name, environment, seed) == LONG and not long:
            continue
        command = [sys.executable, "-m", "repro", "run", name, "--environment", environment, "--seed", str(seed)]
        subprocess.run([*command, "--store", store.path], stdout=subprocess.DEVNULL, check=False)


def usable(store: Store) -> dict[tuple[str, str, int, int], dict[str, Any]]:
    """The latest finished run for each scenario, environment, seed and threads that trained what the scenario says.

    Not one with op determinism or in a drifted environment: it trains other bits.
    """
    known = scenarios()
    found = {}
    images = [sha256(file) for file in list_files(ROOT / "scenarios/images")]
    for run in store.runs():
        try:
            record, result = run.record(), run.result()
            text = run.file(layout.SCENARIO).read_text(encoding="utf-8")
            trained = parse(text, name=str(run.path), environments=definition.names())
        except (ReproError, OSError):
            continue
        if result is None or record.scenario not in known or [image.sha256 for image in record.images] != images:
            continue
        if any(getattr(trained, key) != getattr(known[record.scenario], key) for key in SETTINGS):
            continue
        if record.deterministic or record.drift or result.degraded:
            continue
        key = (record.scenario, record.environment, record.seed, record.threads)
        found[key] = row(run, known[record.scenario])
    return found


def row(run: RunDirectory, scenario: Scenario) -> dict[str, Any]:
    """What the tables need of a run, as `repro show --json` has it, with the claims of today."""
    shown = run_json(run)
    measured = shown["measurements"]
    measured["fit"] = {key: values[-1] for key, values in measured["fit"].items()}
    claims = decide_all(scenario, RunView(run).figures, shown["environment"])
    progress = run.progress()
    labels = [image.label for image in run.record().images]
    at = {epoch: progress.measurements(epoch, labels) for epoch in scenario.measured_epochs}
    return {
        **{key: shown[key] for key in ("run", "scenario", "environment", "seed")},
        "verdict": verdict(claims),
        "claims": [{"id": claim.id, "outcome": claim.outcome} for claim in claims],
        "measurements": measured,
        "epochs": [
            {
                "epoch": epoch,
                "evaluate": msgspec.to_builtins(figures.figure("evaluate")),
                "evaluate_training_phase": msgspec.to_builtins(figures.figure("evaluate_training_phase")),
                "distance": figures.figure("batch_norm.moving_to_batch_distance"),
            }
            for epoch, figures in at.items()
        ],
        "seconds": shown["seconds"]["total"],
        "threads": run.record().threads,
    }


def collect(store: Store, seeds: list[int]) -> None:
    """Write docs/evidence/*.json; what the store does not hold keeps the row that is there."""
    found = usable(store)
    # ascending, so that of runs with different threads the one with the most is taken
    single = {key[:3]: one for key, one in sorted(found.items(), key=lambda item: item[0])}
    for name, wanted in matrices(seeds).items():
        rows: dict[Any, Any] = {(one["scenario"], one["environment"], one["seed"]): one for one in evidence(name)}
        write_evidence(name, rows | {key: single[key] for key in wanted if key in single})
    rows = {(one["scenario"], one["environment"], one["seed"], one["threads"]): one for one in evidence("rates")}
    for key, one in found.items():
        if key[1] in RATES.get(key[0], ()) and key[2] in RATE_SEEDS:
            rows[key] = one
    write_evidence("rates", dict(sorted(rows.items())))


def write_evidence(name: str, rows: dict[Any, dict[str, Any]]) -> None:
    """Write docs/evidence/NAME.json."""
    EVIDENCE.mkdir(exist_ok=True)
    text = json.dumps({"format": 1, "runs": list(rows.values())}, indent=1)
    (EVIDENCE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def evidence(name: str) -> list[dict[str, Any]]:
    """The rows of docs/evidence/NAME.json; none where there is no such file."""
    file = EVIDENCE / f"{name}.json"
    if not file.is_file():
        return []
    rows: list[dict[str, Any]] = msgspec.json.decode(file.read_bytes())["runs"]
    return rows


def number(value: Any) -> str:
    """Short, and never rounded to 0 or 1 where it is not."""
    if not isinstance(value, int | float):
        return "-" if value is None else str(value)
    return f"{value:.4g}"


def percent(share: float | None) -> str:
    """Of a rate, to the nearest whole one."""
    return "-" if share is None else f"{100 * share:.0f} %"


def both(found: dict[str, Any] | None) -> str:
    """Accuracy and loss of an evaluation."""
    return "-" if not found else f"{number(found['accuracy'])} ({number(found['loss'])})"


def outcome(one: dict[str, Any]) -> str:
    """The verdict, and which claims failed."""
    failed = [claim["id"] for claim in one["claims"] if claim["outcome"] == "failed"]
    return one["verdict"] + (f" ({', '.join(failed)})" if failed else "")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def figures(one: dict[str, Any]) -> list[str]:
    """The cells that all tables share."""
    found = one["measurements"]
    return [
        both(found.get("fit")),
        both(found.get("evaluate_training_phase")),
        both(found.get("evaluate")),
        " ".join(map(str, found["predict"]["classes"])) if "predict" in found else "-",
        number(found.get("batch_norm", {}).get("moving_to_batch_distance")),
    ]


FIGURES = ["`fit`, last", "training phase", "`evaluate`", "`predict`", "distance"]


def history_tables() -> dict[str, str]:
    """One table a scenario: every environment and seed."""
    rows = evidence("history")
    found = {}
    for name in HISTORY:
        wanted = [one for one in rows if one["scenario"] == name]
        wanted.sort(key=lambda one: (ENVIRONMENTS.index(one["environment"]), one["seed"]))
        lines = [[one["environment"], str(one["seed"]), *figures(one), outcome(one)] for one in wanted]
        found[name] = table(["environment", "seed", *FIGURES, "verdict"], lines)
    return found | rate_tables()


def rate_tables() -> dict[str, str]:
    """Each claim's rate over the seeds, and what came out of each seed; runs with other threads stand apart."""
    found = {}
    for name, environments in RATES.items():
        rows = [one for one in evidence("rates") if one["scenario"] == name]
        rows.sort(key=lambda one: (environments.index(one["environment"]), one["seed"]))
        groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for one in rows:
            groups.setdefault((one["environment"], one["threads"]), []).append(one)
        lines, seeds = [], []
        for (environment, threads), members in groups.items():
            place = [environment, str(threads)]
            lines += [[*place, *cells] for cells in claim_rates(scenarios()[name], members)]
            seeds += [[*place, str(one["seed"]), *figures(one), outcome(one)] for one in members]
        found[f"rates-{name}"] = table(["environment", "threads", "claim", "held", "rate", "95 % interval"], lines)
        found[f"seeds-{name}"] = table(["environment", "threads", "seed", *FIGURES, "verdict"], seeds)
    return found


def claim_rates(scenario: Scenario, rows: list[dict[str, Any]]) -> list[list[str]]:
    """For each claim of which something is known: its name, count, rate, interval."""
    lines = []
    for claim in scenario.claims:
        outcomes = [found["outcome"] for one in rows for found in one["claims"] if found["id"] == claim.id]
        counted = [said for said in outcomes if said != "skipped"]
        found = rate(counted.count("held"), len(counted))
        if found.rate is not None:
            interval = f"{percent(found.low)} to {percent(found.high)}"
            lines.append([claim.id, f"{found.held} of {found.counted}", percent(found.rate), interval])
    return lines


def report_tables() -> dict[str, str]:
    """Every claim of the report in the environment of then and of now, from one run each, seed 0."""
    known = scenarios()
    rows = [one for one in (*evidence("history"), *evidence("report")) if one["seed"] == 0]
    runs = {(one["scenario"], one["environment"]): one for one in rows}
    lines: dict[str, list[str]] = {}
    for name in REPORT:
        for claim in known[name].claims:
            cells = [decided(known[name], claim.id, runs.get((name, at))) for at in ("keras-2.0.9", "keras-3")]
            lines.setdefault(claim.id, [claim.id, claim.says, *cells, f"`{name}`"])
    return {"claims": table(["claim", "says", "keras-2.0.9", "keras-3", "scenario"], list(lines.values()))}


def _figures(stored: dict[str, Any]) -> Measurements:
    """Measurements of the evidence, which keeps of fit the last epoch only."""
    fit = {name: [value] for name, value in stored["fit"].items()}
    return msgspec.convert({**stored, "fit": fit}, Measurements)


def decided(scenario: Scenario, claim: str, one: dict[str, Any] | None) -> str:
    """What was measured and how the claim came out; a dash where nothing was run."""
    if one is None:
        return "-"
    figures = _figures(one["measurements"])
    found = next(found for found in decide_all(scenario, figures, one["environment"]) if found.id == claim)
    return f"{found.measured}, {found.outcome}"


def statistics_tables() -> dict[str, str]:
    """The weight of the initial values by formula, and beside what was measured."""
    weights = [
        [
            f"{m:g}",
            *(percent_of(m**n) for n in (5, 20, 50, 1000)),
            str(updates_until(0.1, m)),
            str(updates_until(0.01, m)),
        ]
        for m in MOMENTA
    ]
    head = ["momentum", "after 5", "after 20", "after 50", "after 1000", "updates until at most 10 %", "at most 1 %"]
    drift = [
        [f"`{name}`", f"{momentum:g}", str(updates), percent_of(momentum**updates), percent_of(distance)]
        for name, momentum, updates, distance in drift_rows()
    ]
    return {
        "weights": table(head, weights),
        "drift": table(["scenario", "momentum", "updates", "formula", "measured"], drift),
    }


def updates_until(share: float, momentum: float) -> int:
    """Updates until the initial value weighs less than `share` (or, at a whole number of them, as much)."""
    return math.ceil(round(math.log(share) / math.log(momentum), 9))


def percent_of(share: float) -> str:
    """A share with three digits; one that no float would show any more as what it is below."""
    return f"{100 * share:.3g} %" if share >= 1e-12 else "< 1e-10 %"


def drift_rows() -> list[tuple[str, float, int, float]]:
    """(scenario, momentum, updates, distance) for every epoch measured in keras-3, seed 0, where averages are plain."""
    rows = {(one["scenario"], one["environment"], one["seed"]): one for name in matrices([]) for one in evidence(name)}
    found = []
    for name in ("learning-rate-0", "original-bug", "epochs-1000", "momentum-0.9", "momentum-0.01"):
        one = rows.get((name, "keras-3", 0))
        if one is not None:
            momentum = one["measurements"]["batch_norm"]["momentum"]
            # three images are one batch: an update an epoch
            found += [(name, momentum, at["epoch"], at["distance"]) for at in one["epochs"]]
    return found


def remedy_tables() -> dict[str, str]:
    """What each scenario changes, what it costs, and what came out."""
    known = scenarios()
    rows = {one["scenario"]: one for one in evidence("remedies")}
    names = [name for name in ("original-bug", *remedies()) if name in rows]
    said = [
        [f"`{name}`", known[name].title, known[name].source or "-", known[name].cost or "-"]
        for name in names
        if name != "original-bug"
    ]
    came_out = [[f"`{name}`", str(known[name].fit.epochs), *figures(rows[name]), outcome(rows[name])] for name in names]
    drift = [
        [str(at["epoch"]), both(at["evaluate_training_phase"]), both(at["evaluate"]), number(at["distance"])]
        for at in rows.get("learning-rate-0", {}).get("epochs", [])
    ]
    return {
        "scenarios": table(["scenario", "what it changes", "reference", "cost"], said),
        "figures": table(["scenario", "epochs", *FIGURES, "verdict"], came_out),
        "learning-rate-0": table(["epoch", "training phase", "`evaluate`", "distance"], drift),
        **rate_tables(),
    }


def write_tables(check: bool) -> int:
    """Put the tables between their marks, and draw the plot; 1 where `check` finds another one there."""
    from scripts import export_plots  # it imports this module

    stale = [export_plots.TARGET.name] if export_plots.write(check) else []
    pages = {
        "dependencies": audit.tables,
        "history": history_tables,
        "remedies": remedy_tables,
        "reliability": reliability.tables,
        "report": report_tables,
        "statistics": statistics_tables,
    }
    for page, tables in pages.items():
        file = ROOT / f"docs/{page}.md"
        before = after = file.read_text(encoding="utf-8")
        for name, text in tables().items():
            marks = rf"(<!-- table {re.escape(name)} -->\n).*?(<!-- end -->)"
            after = re.sub(marks, lambda found, text=text: f"{found[1]}{text}\n{found[2]}", after, flags=re.S)
        if before != after:
            stale.append(file.name)
            if not check:
                file.write_text(after, encoding="utf-8")
    if check and stale:
        print(f"{', '.join(stale)}: run python -m scripts.evidence tables", file=sys.stderr)
    return int(check and bool(stale))


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=["run", "collect", "tables"])
    parser.add_argument("--store", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", default="0:3", help="of the version history")
    parser.add_argument("--long", action="store_true", help="also epochs-1000: ten minutes to an hour")
    parser.add_argument("--check", action="store_true")
    return parser


def main() -> int:
    """See above."""
    options = parser().parse_args()
    seeds = parse_numbers((options.seeds,), "--seeds")
    if options.action == "run":
        train(Store(options.store), seeds, long=options.long)
    elif options.action == "collect":
        collect(Store(options.store), seeds)
    else:
        return write_tables(options.check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
