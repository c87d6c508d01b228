"""`repro recorder`: the recorder as one file."""

from __future__ import annotations

from pathlib import Path

import click

from repro.base.errors import InputError, UnusableError
from repro.base.files import write_durably
from repro.cli.basics import FilePath
from repro.cli.common import FORMAT, echo_text, json_option, print_json
from repro.recorder import single_file

FILE = "repro_recorder.py"


@click.command("recorder")
@click.option("-o", "--output", type=FilePath(), default=Path(), metavar="DIR", help="Where to write it.  [default: .]")
@json_option
def command(output: Path, as_json: bool) -> None:
    """Write repro_recorder.py, one file for notebooks and for machines without repro.

    In the program: `import repro_recorder; repro_recorder.watch()`, or `callbacks=[repro_recorder.Recorder()]`, or
    `with repro_recorder.recording(model, x, y):` around a loop of one's own. It writes the folder repro-recordings,
    which `repro import` takes in.
    """
    if not output.is_dir():
        raise InputError("is not a folder", do="name a folder with -o", file=output)
    text = single_file.source()
    file = output / FILE
    try:
        write_durably(file, text.encode())
    except OSError as error:
        raise UnusableError(f"cannot be written ({error.strerror})", do="name another folder", file=file) from None
    if as_json:
        print_json({"format": FORMAT, "file": str(file), "sha256": single_file.sha256()})
    else:
        echo_text(f"wrote {file}: put it beside your program, then `import repro_recorder; repro_recorder.watch()`")
