"""What a bundle would hold, and the issue text, as lines of the Report screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from repro.base.text import one_line
from tui.text import BAD, GOOD, ODD, QUIET, rows, size

if TYPE_CHECKING:
    from repro.bundle.export import Contents
    from repro.bundle.manifest import LeftOut, Replaced

MOST_ISSUE_LINES = 400


def preview(contents: Contents | None, error: str, run_ids: Sequence[str]) -> Content:
    """The bundle's files, what stays out of it and what is replaced; `error` if there is no bundle."""
    if contents is None or contents.manifest is None:
        return Content.styled(one_line(error or "there is no preview", 400), BAD)
    manifest = contents.manifest
    return rows(
        [
            *_files(contents, run_ids),
            *_left_out(manifest.left_out, run_ids),
            Content(""),
            *_replaced(manifest.replaced, run_ids),
            *(Content.styled(f"! {one_line(note, 300)}", ODD) for note in contents.notes),
        ]
    )


def issue(text: str, error: str) -> Content:
    """The text for a tracker; `error` if there is none."""
    if not text:
        return Content.styled(one_line(error or "there is no issue text", 400), BAD)
    return rows(Content(one_line(line, 2000)) for line in text.splitlines()[:MOST_ISSUE_LINES])


def _files(contents: Contents, run_ids: Sequence[str]) -> list[Content]:
    files = contents.files
    images = sum(path.startswith("pictures/") for path in files)
    held = f"{images} image{'s' if images != 1 else ''} in" if images else "no images (their hashes stay)"
    runs = contents.manifest.runs if contents.manifest is not None else []
    if runs and all(run.script is not None for run in runs):
        program = "program in" if any(run.script == "included" for run in runs) else "no program"
        held = f"{program}, {'samples in' if any(run.data == 'included' for run in runs) else 'no samples'} (n)"
    facts = f"  {len(files)} files, {size(contents.total_bytes)} unpacked, {held}"
    head = Content.assemble(("Bundle", "bold $text-accent"), (facts, QUIET))
    return [head, *(_entry(len(data), path, run_ids) for path, data in sorted(files.items()))]


def _left_out(entries: Sequence[LeftOut], run_ids: Sequence[str]) -> list[Content]:
    """What stays out, by its reason."""
    if not entries:
        return []
    lines = [Content(""), Content.styled("Stays out", "bold $text-accent")]
    for reason in dict.fromkeys(entry.reason for entry in entries):
        lines.append(Content.styled(f"  {one_line(reason, 200)}", ODD))
        lines += [_entry(entry.bytes, entry.path, run_ids) for entry in entries if entry.reason == reason]
    return lines


def _replaced(entries: Sequence[Replaced], run_ids: Sequence[str]) -> list[Content]:
    head = Content.styled("Replaced", "bold $text-accent")
    if not entries:
        return [head, Content.styled("✓ nothing had to be replaced", GOOD)]
    return [
        head,
        *(
            Content.assemble(
                (f"{entry.times:>8} × ", QUIET),
                (one_line(entry.alias, 60), "bold"),
                (f"  in {_short(entry.path, run_ids)}", QUIET),
            )
            for entry in entries
        ),
    ]


def _entry(count: int, path: str, run_ids: Sequence[str]) -> Content:
    return Content.assemble((f"{size(count):>10}  ", QUIET), _short(path, run_ids))


def _short(path: str, run_ids: Sequence[str]) -> str:
    """A path of the bundle with the runs' short names, which fit on a line."""
    for run_id in run_ids:
        path = path.replace(f"runs/{run_id}/", f"runs/…{run_id.rpartition('-')[2]}/")
    return one_line(path, 120)
