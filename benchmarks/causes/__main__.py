"""`make causes`: python -m benchmarks.causes run [--half H] [--programs GLOB] [--seeds 0:3], then table FILE..."""

from __future__ import annotations

import argparse
import fnmatch
import sys
import tempfile
from pathlib import Path

from benchmarks.causes.measure import ROOT, measure_all
from benchmarks.causes.table import page
from benchmarks.causes.truth import HALVES, HERE, read_half


def _seeds(text: str) -> range:
    first, _, end = text.partition(":")
    return range(int(first), int(end) if end else int(first) + 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.causes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="record and diagnose the programs that the result file lacks")
    run.add_argument("--half", choices=HALVES, default="held_out")
    run.add_argument("--programs", default="*", help="only those whose name fits, as in a shell")
    run.add_argument("--seeds", type=_seeds, default=range(3), help="A:B; the first for all, the rest for healthy ones")
    run.add_argument("--result", type=Path, help="default: results/HALF_last.json")
    run.add_argument("--store", help="folder of the recordings; default: one that is deleted")
    run.add_argument("--through", default="", help="a command put before each recording, such as 'nice'")
    run.add_argument("--at-most", type=int, help="this many runs; the next call goes on")
    run.add_argument("--printed", type=Path, help="folder for what the programs print")
    run.add_argument("--workers", type=int, default=1, help="programs at once")
    table = commands.add_parser("table", help="write docs/evidence/causes.md")
    table.add_argument("files", type=Path, nargs="+")
    table.add_argument("--output", type=Path, default=ROOT / "docs/evidence/causes.md")
    return parser.parse_args()


def _run(options: argparse.Namespace, store: str) -> int:
    truths = [t for t in read_half(options.half) if fnmatch.fnmatch(t.program, options.programs)]
    if not truths:
        print(f"no program of {options.half} fits {options.programs}", file=sys.stderr)
        return 2
    result = options.result or HERE / "results" / f"{options.half}_last.json"
    broken = 0
    how = {
        "through": options.through,
        "printed": options.printed,
        "workers": options.workers,
        "at_most": options.at_most,
    }
    for entry in measure_all(truths, options.seeds, options.half, result, store, **how):
        broken += entry["exit"] != 0
        told = "right" if entry["answer"] == entry["cause"] else f"{entry['answer']} for {entry['cause']}"
        print(f"{entry['program']:24} seed {entry['seed']}  {entry['seconds']:5.1f} s  {told}", flush=True)
    if broken:
        print(f"{broken} programs ended with an error, see {result}", file=sys.stderr)
    return 1 if broken else 0


def main() -> int:
    """Exit code: 0, 1 where a program itself failed, 2 where nothing fits."""
    options = _arguments()
    if options.command == "table":
        options.output.write_text(page(options.files), encoding="utf-8")
        return 0
    if options.store:
        return _run(options, options.store)
    with tempfile.TemporaryDirectory() as store:
        return _run(options, store)


sys.exit(main())
