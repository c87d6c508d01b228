"""A package index on this machine: tiny wheels and their days of upload, served as a real one serves them."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class _File:
    name: str
    day: str | None
    data: bytes


@dataclass
class PackageIndex:
    """Files by package; `requests` counts what was asked for."""

    address: str = ""
    files: dict[str, list[_File]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        version: str,
        day: str | None,
        *,
        needs: tuple[str, ...] = (),
        tag: str = "py3-none-any",
        size: int = 0,
    ) -> None:
        """Add a wheel whose module has a `__version__`, and a file of `size` bytes; `day` None: not told."""
        module = name.replace("-", "_")
        folder = f"{module}-{version}.dist-info"
        metadata = [
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
            *(f"Requires-Dist: {one}" for one in needs),
        ]
        contents = {
            f"{module}/__init__.py": f'__version__ = "{version}"\n'.encode(),
            f"{module}/large.bin": b"\0" * size,
            f"{folder}/METADATA": ("\n".join(metadata) + "\n").encode(),
            f"{folder}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        }
        record = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in contents.items()]
        contents[f"{folder}/RECORD"] = ("\n".join([*record, f"{folder}/RECORD,,"]) + "\n").encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, data in contents.items():
                archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), data)
        self.files.setdefault(name, []).append(_File(f"{module}-{version}-{tag}.whl", day, buffer.getvalue()))

    def add_source(self, name: str, version: str, day: str, *, needs: tuple[str, ...] = ()) -> None:
        """Add a source distribution whose metadata can be read without building it."""
        lines = [
            f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}",
            *(f"Requires-Dist: {one}" for one in needs),
        ]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for path, text in (
                ("PKG-INFO", "\n".join(lines) + "\n"),
                ("pyproject.toml", "[build-system]\nrequires = []\n"),
            ):
                entry = tarfile.TarInfo(f"{name}-{version}/{path}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        self.files.setdefault(name, []).append(_File(f"{name}-{version}.tar.gz", day, buffer.getvalue()))

    def page(self, name: str) -> bytes | None:
        """Return what the index says about a package; None if it has none."""
        if name not in self.files:
            return None
        rows = []
        for file in self.files[name]:
            row = {
                "filename": file.name,
                "url": f"{self.address.removesuffix('/simple')}/files/{file.name}",
                "hashes": {"sha256": hashlib.sha256(file.data).hexdigest()},
                "size": len(file.data),
                "yanked": False,
            }
            rows.append(row if file.day is None else {**row, "upload-time": f"{file.day}T12:00:00Z"})
        return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": rows}).encode()

    def answer(self, path: str) -> tuple[bytes, str] | None:
        """Return what is at a path, and of what type it is; None if nothing is."""
        self.requests.append(path)
        parts = [part for part in path.split("/") if part]
        if len(parts) == 2 and parts[0] == "simple":
            page = self.page(parts[1])
            return None if page is None else (page, _JSON)
        files = [file for one in self.files.values() for file in one if parts == ["files", file.name]]
        return (files[0].data, "application/octet-stream") if files else None


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@contextmanager
def serve() -> Iterator[PackageIndex]:
    """Serve an empty index on this machine until the block is left."""
    index = PackageIndex()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            found = index.answer(self.path)
            if found is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", found[1])
            self.send_header("Content-Length", str(len(found[0])))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(found[0])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.address = f"http://127.0.0.1:{server.server_port}/simple"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
