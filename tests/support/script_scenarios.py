"""Script scenarios for tests: environments with this interpreter, and programs that leave a real recording."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from repro.environment import definition
from tests.support.installations import write_installation
from tests.support.paths import ROOT

RECORDINGS = ROOT / "tests" / "data" / "recordings"

# Answers what is installed; runs everything else.
INTERPRETER = """\
#!/bin/sh
if [ "$1" = -c ] || [ "$2" = -c ] || [ "$3" = -c ]; then echo '{answer}'; exit; fi
exec {python} "$@"
"""
# What a recorder leaves behind, as a program: recordings that it once made, one for each name among the arguments.
PLAYS_BACK = f"""\
import os, sys, zipfile
store = os.environ["REPRO_RECORD_STORE"]
for number, name in enumerate(sys.argv[1:]):
    with zipfile.ZipFile("{RECORDINGS}/" + name + ".zip") as archive:
        old = archive.namelist()[0].split("/")[0]
        archive.extractall(store)
    new = "20261129T00000%d.000000Z-x-recorded-s0-abcd" % number
    os.rename(os.path.join(store, old), os.path.join(store, new))
    with open(os.environ["REPRO_RECORD_MARK"], "a") as mark:
        mark.write("keras %d\\nrecording %d %s\\n" % (os.getpid(), os.getpid(), new))
"""
SCENARIO = """\
format: 2
name: small
title: A program
group: report
about: For tests.
script: {file: train.py, arguments: [few-updates], seconds: 60}
printed: {accuracy: 'accuracy ([0-9.]+)'}
claims:
  - {id: C1, says: it is printed, value: printed.accuracy, is: equal, to: 0.5}
  - {id: C2, says: fit is right, value: fit.accuracy, is: at_least, to: 0.9}
"""


def install_python(environments: Path, names: Sequence[str] = ("keras-3",)) -> None:
    """Install environments that run programs with the interpreter of the tests."""
    for name in names:
        answer = json.dumps({"python": "3.12.1", "packages": definition.get(name).locked_versions()})
        write_installation(environments, name, INTERPRETER.format(answer=answer, python=sys.executable))


def write_scenario(folder: Path, program: str = "", scenario: str = SCENARIO) -> Path:
    """Write a script scenario and its program into a folder; return the scenario's file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(PLAYS_BACK + program)
    file = folder / "small.yaml"
    file.write_text(scenario)
    return file
