"""Scenario files and folders of images, changed."""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import shutil
from pathlib import Path

from PIL import Image

from repro.scenario.load import shipped_files
from tests.support.fuzz.base import FuzzTarget
from tests.support.fuzz.clean_output import run_and_check
from tests.support.fuzz.mutate import ESCAPES, STRINGS, change_bytes, change_lines, change_tree, dump, pick
from tests.support.runs.copied import IMAGES


class ScenarioTarget(FuzzTarget):
    """Scenario files: bytes, lines, tokens of the shipped ones."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = folder / "s.yaml"
        shutil.copytree(IMAGES, folder / "images", dirs_exist_ok=True)
        self.texts = [file.read_bytes() for file in shipped_files()]

    def case(self, draw: random.Random) -> None:
        text = pick(draw, self.texts)
        match draw.randint(0, 4):
            case 0:
                text = change_bytes(draw, text)
            case 1:
                text = b"\n".join(change_lines(draw, text.split(b"\n")))
            case 2:
                text = self._tokens(draw, text)
            case 3:
                text = self._structure(draw, text)
            case _:
                text = change_bytes(draw, self._tokens(draw, text))
        self.file.write_bytes(text)
        run_and_check("check", str(self.file), *(["--json"] if draw.randint(0, 1) else []))

    @staticmethod
    def _tokens(draw: random.Random, text: bytes) -> bytes:
        """Values exchanged for others that YAML takes as they are, or quoted."""
        parts = re.split(rb"([\w.+-]+)", text)
        for _ in range(draw.randint(1, 3)):
            at = draw.randint(0, (len(parts) - 2) // 2) * 2 + 1 if len(parts) > 1 else 0
            new = pick(draw, STRINGS)
            parts[at] = pick(
                draw,
                (
                    b"-1", b"1e400", b".nan", b"null", b"true", b"0x10", b"1_000", b"9" * 5000, b"[]", b"{}", b"*a",
                    json.dumps(new).encode(), new.encode("utf-8", "surrogatepass"), b"2001-01-01", b"1:30", b"=", b"<<",
                ),
            )  # fmt: skip
        return b"".join(parts)

    @staticmethod
    def _structure(draw: random.Random, text: bytes) -> bytes:
        """The scenario as a changed tree: JSON is YAML, too."""
        import yaml

        return dump(draw, change_tree(draw, yaml.safe_load(text)))


class ImagesTarget(FuzzTarget):
    """Folders of images: bytes of PNG, JPEG, GIF, BMP, TIFF and WebP, names, and what is no image at all."""

    SCENARIO = """\
format: 1
name: small
title: A small scenario
group: control
about: For tests.
images: {directory: images, size: [32, 32], channels: %d%s}
model: {application: ResNet50, classes: %d}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 3}
measure: [evaluate]
claims: []
"""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.good: list[tuple[str, bytes]] = []
        kinds = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "BMP": "bmp", "TIFF": "tif", "WEBP": "webp"}
        for mode in ("L", "RGB", "RGBA", "P", "1", "I;16", "LA", "CMYK"):
            for kind, suffix in kinds.items():
                stream = io.BytesIO()
                with contextlib.suppress(OSError, ValueError, KeyError):
                    Image.linear_gradient("L").resize((24, 20)).convert("L" if mode == "I;16" else mode).convert(
                        mode
                    ).save(stream, kind)
                    self.good.append((suffix, stream.getvalue()))
        self.file = folder / "s.yaml"
        self.place = folder / "images"

    def case(self, draw: random.Random) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        count = draw.randint(2, 3)
        folders = not draw.randint(0, 3)
        layout = ", layout: folder-per-class" if folders else ""
        if folders and draw.randint(0, 1):
            layout += ", validation: {split: 0.5}"
        self.file.write_text(self.SCENARIO % (pick(draw, (1, 1, 3)), layout, count))
        for label in range(count):
            for index in range(2 if folders else 1):
                suffix, data = pick(draw, self.good)
                if draw.randint(0, 2):
                    data = change_bytes(draw, data)
                elif not draw.randint(0, 5):
                    data = _huge(draw)
                    suffix = "png"
                name = f"{label}{index}.{suffix}"
                if not draw.randint(0, 15):
                    name = re.sub("[/\0]", "", pick(draw, ESCAPES)) + f"{label}{index}.{suffix}"
                place = self.place / str(label) / name if folders else self.place / name
                place.parent.mkdir(exist_ok=True)
                with contextlib.suppress(UnicodeEncodeError):
                    place.write_bytes(data)
        options = [*(["--convert", "L"] if draw.randint(0, 1) else []), *(["--json"] if draw.randint(0, 1) else [])]
        run_and_check("check", str(self.file), *options)


def _huge(draw: random.Random) -> bytes:
    """A PNG of a few bytes that says that it is very large."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = pick(draw, ((2**31 - 1, 2**31 - 1), (7000, 7000), (49_999_999, 1), (1, 60_000_000), (0, 5)))
    head = struct.pack(">IIBBBBB", width, height, 8, pick(draw, (0, 2, 6)), 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
