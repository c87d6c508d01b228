"""The standby process as the program starts it: `python -m repro.cli.standby STORE ARGUMENT...`, those of a ticket."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from repro.base.errors import InputError
from repro.cli.run import command
from repro.queue.standby_worker import serve
from repro.runs.plan import Plan
from repro.runs.planning import RunOptions, make_plans


def make_plan(arguments: Sequence[str]) -> Plan:
    """Return the one run that a ticket's arguments ask for; ReproError if they ask for anything else."""
    if not arguments or arguments[0] != "run":
        raise InputError("not a run", do="pass the arguments of `repro run`")
    parameters = command.make_context("run", list(arguments[1:])).params
    plans = make_plans(RunOptions.from_click(parameters), command=["repro", *arguments])
    if len(plans) != 1:
        raise InputError(f"{len(plans)} runs instead of one", do="pass the arguments of one run")
    return plans[0]


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), sys.argv[2:], make_plan))
