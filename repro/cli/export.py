"""`repro export`: runs with their evidence in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from repro.base.errors import InputError
from repro.bundle import archive, export
from repro.bundle.export import Contents
from repro.cli.basics import FilePath
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.runs.view import RunView


@click.command("export")
@click.argument("runs", nargs=-1, metavar="RUN...")
@click.option("-o", "--output", type=FilePath(), metavar="FILE.zip", help="Where to write the bundle.")
@click.option("--preview", is_flag=True, help="Write nothing; list files, sizes and what is removed or replaced.")
@click.option("--no-images", is_flag=True, help="Leave all images out; their hashes stay.")
@click.option("--with-images", is_flag=True, help="Put your own images in too, as decoded pixels.")
@click.option("--with-script", is_flag=True, help="Of a recording: put the program itself in, not only its hash.")
@click.option("--with-data", is_flag=True, help="Of a recording: put the samples in that `record --with-data` kept.")
@store_option
@json_option
def command(
    runs: tuple[str, ...],
    output: Path | None,
    preview: bool,
    no_images: bool,
    with_images: bool,
    with_script: bool,
    with_data: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Write runs with their evidence into one zip that is readable without this program.

    User, host, paths, addresses and tokens are replaced; your own images stay here unless --with-images is given. Of a
    recording the program and its data stay here too, and names of columns and labels and arguments are replaced.
    """
    if not runs:
        raise InputError("no run is named", do="name one (repro runs), or `last`")
    if no_images and with_images:
        raise InputError("--no-images and --with-images contradict each other", do="give one")
    if output is None and not preview:
        raise InputError("no file is named", do="give -o FILE.zip, or --preview")

    if output is not None and not preview:
        archive.refuse_existing(output)
    found = open_store(store)
    evidence = [RunView(found.find(run)) for run in runs]
    contents = export.collect(
        evidence, images=not no_images, own_images=with_images, script=with_script, data=with_data
    )
    summary = _summary(contents)
    if output is not None and not preview:
        summary["sha256"] = export.write(contents, output)
        summary["file"] = str(output)
        summary["bytes"] = output.stat().st_size
    if as_json:
        print_json(summary)
    else:
        echo_text(_text(summary))


def _summary(contents: Contents) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(contents.manifest)
    return {
        "format": FORMAT,
        "file": None,
        "bytes": None,
        "sha256": None,
        "unpacked_bytes": contents.total_bytes,
        "runs": plain["runs"],
        "files": [{"path": name, "bytes": len(data)} for name, data in sorted(contents.files.items())],
        "left_out": plain["left_out"],
        "replaced": plain["replaced"],
        "notes": contents.notes,
    }


def _text(summary: dict[str, Any]) -> str:
    lines = []
    if summary["file"] is None:
        lines.append(f"{len(summary['files'])} files, {summary['unpacked_bytes']:,} bytes unpacked")
        lines += [f"  {entry['bytes']:>12,}  {entry['path']}" for entry in summary["files"]]
    if summary["left_out"]:
        lines.append("left out (their hashes are in bundle.json)")
        lines += [f"  {entry['bytes']:>12,}  {entry['path']}  ({entry['reason']})" for entry in summary["left_out"]]
    if summary["replaced"]:
        lines.append("replaced")
        lines += [f"  {one['times']:>12,}  {one['alias']}  in {one['path']}" for one in summary["replaced"]]
    else:
        lines.append("nothing had to be replaced")
    lines += [f"note: {note}" for note in summary["notes"]]
    if summary["file"] is not None:
        lines.append(f"wrote {summary['file']}: {summary['bytes']:,} bytes, SHA-256 {summary['sha256']}")
    return "\n".join(lines)
