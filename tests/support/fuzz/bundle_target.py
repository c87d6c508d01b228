"""Bundles, changed: the archive, its manifest, and the records in it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import shutil
import zipfile
from pathlib import Path

from repro.bundle import export
from repro.bundle.archive import zipped
from repro.runs.view import RunView
from tests.support.fuzz.base import FuzzTarget
from tests.support.fuzz.clean_output import run_and_check
from tests.support.fuzz.mutate import ESCAPES, change_bytes, pick
from tests.support.fuzz.run_targets import EventsTarget, RecordsTarget
from tests.support.recordings import closed_recording
from tests.support.runs.copied import make_run


def _with_recorded_hashes(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files in which a recording's result vouches for what is there, and other rules made its diagnosis."""
    files = dict(files)
    for name in [name for name in files if name.endswith("/diagnosis.json")]:
        folder = name.removesuffix("diagnosis.json")
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            result = json.loads(files[f"{folder}result.json"])
            result["files"] = {
                file.removeprefix(folder): hashlib.sha256(data).hexdigest()
                for file, data in files.items()
                if file.startswith(folder) and not file.endswith(("/result.json", "/diagnosis.json"))
            }
            files[f"{folder}result.json"] = json.dumps(result).encode("utf-8", "surrogatepass")
            stated = json.loads(files[name])
            stated["rules"] = "0" * 64
            files[name] = json.dumps(stated).encode("utf-8", "surrogatepass")
    return files


class BundleTarget(FuzzTarget):
    """Bundles: the zip's bytes, its manifest, and its records with every hash made right again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        shutil.rmtree(folder / "store", ignore_errors=True)
        (folder / "store").mkdir()
        run = make_run(folder / "store", tail="aaaa")
        self.other = run.id
        self.files = export.collect([RunView(run.run)]).files
        recording = closed_recording("few-updates", folder / "store")
        self.recorded_files = export.collect([RunView(recording)]).files
        self.file = folder / "b.zip"

    def case(self, draw: random.Random) -> None:
        kind = draw.randint(0, 9)
        chosen = self.recorded_files if draw.randint(0, 1) else self.files
        data = change_bytes(draw, zipped(chosen)) if kind < 2 else self._built(draw, chosen, with_hashes=kind > 3)
        self.file.write_bytes(data)
        match draw.randint(0, 5):
            case 0:
                run_and_check("compare", str(self.file), self.other)
            case 1:
                run_and_check("environment", "diff", str(self.file), self.other)
            case 2:
                run_and_check("verify", str(self.file))
            case _:
                run_and_check("verify", str(self.file), "--no-run", *(["--json"] if draw.randint(0, 1) else []))

    def _built(self, draw: random.Random, chosen: dict[str, bytes], *, with_hashes: bool) -> bytes:
        files = dict(chosen)
        records = [name for name in files if name.endswith((".json", ".jsonl", ".yaml", ".npy"))]
        for _ in range(draw.randint(1, 2)):
            name = pick(draw, records)
            if name.endswith(".jsonl"):
                files[name] = EventsTarget.change(draw, files[name].splitlines())
            else:
                files[name] = RecordsTarget.change(draw, name, files[name])
        if with_hashes:
            files = self._with_right_hashes(_with_recorded_hashes(files))
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in files.items():
                if not draw.randint(0, 30):
                    odd = (f"../{name}", f"/{name}", name.upper(), name + "/", pick(draw, ESCAPES), "a" * 300)
                    name = pick(draw, odd)
                info = zipfile.ZipInfo(name or "x", (1980, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED if draw.randint(0, 9) else zipfile.ZIP_STORED
                info.external_attr = (0o120777 if not draw.randint(0, 60) else 0o100644) << 16
                with contextlib.suppress(UnicodeEncodeError):
                    archive.writestr(info, data, compresslevel=1)
        data = stream.getvalue()
        return change_bytes(draw, data) if not draw.randint(0, 7) else data

    @staticmethod
    def _with_right_hashes(files: dict[str, bytes]) -> dict[str, bytes]:
        try:
            manifest = json.loads(files["bundle.json"])
            for entry in manifest["files"]:
                data = files.get(entry["path"])
                if data is not None:
                    entry.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return files
        return {**files, "bundle.json": json.dumps(manifest).encode("utf-8", "surrogatepass")}
