"""Bundles that were changed: their files edited, their manifest made to fit again, their zip broken."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from tests.support.runs.copied import digest

Files = dict[str, bytes]


def raw_zip(entries: list[tuple[zipfile.ZipInfo | str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return stream.getvalue()


def resealed(files: Files, **changes: bytes | None) -> Files:
    """`files` with some replaced (None: taken out) and a manifest that fits them again."""
    files = dict(files)
    for name, data in changes.items():
        if data is None:
            files.pop(name)
        else:
            files[name] = data
    manifest = json.loads(files["bundle.json"])
    known = {entry["path"]: entry for entry in manifest["files"]}
    manifest["files"] = [
        {
            **{k: v for k, v in known.get(name, {}).items() if k == "original_sha256" and files[name] is not None},
            "path": name,
            "bytes": len(data),
            "sha256": digest(data),
        }
        for name, data in sorted(files.items())
        if name != "bundle.json"
    ]
    files["bundle.json"] = json.dumps(manifest).encode()
    return files


def path_of(files: Files, end: str) -> str:
    return next(name for name in sorted(files) if name.endswith("/" + end))


def edited(files: Files, end: str, change: Callable[[Any], Any]) -> Files:
    """A bundle in which one JSON file was changed, and the manifest made to fit."""
    name = path_of(files, end)
    data = json.loads(files[name])
    data = change(data) or data
    return resealed(files, **{name: json.dumps(data).encode()})


def replaced(files: Files, end: str, data: bytes) -> Files:
    return resealed(files, **{path_of(files, end): data})


def manifest_with(files: Files, **changes: Any) -> Files:
    return {**files, "bundle.json": json.dumps({**json.loads(files["bundle.json"]), **changes}).encode()}
