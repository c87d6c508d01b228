"""Every fault in an image or a folder of images: one line, exit code 2, nothing left in the store."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.support.command_line import Repro, nothing_in
from tests.support.scenario_files import Edit


def png(width: int, height: int) -> bytes:
    """A PNG whose header promises more than it holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def replace_image(folder: Path, kind: str) -> Path:
    """Make b.png a fault; returns the file that is to be named."""
    file = folder / "images" / "b.png"
    file.unlink()
    match kind:
        case "text":
            file.write_text("this is not an image")
        case "empty":
            file.write_bytes(b"")
        case "truncated":
            Image.effect_noise((50, 50), 60).save(file)
            file.write_bytes(file.read_bytes()[:600])
        case "bomb":
            file.write_bytes(png(30_000, 30_000))
        case "large":
            file.write_bytes(png(9_000, 9_000))
        case "RGB":
            Image.new("RGB", (10, 10)).save(file)
        case "palette":
            Image.new("P", (10, 10)).save(file)
        case "alpha":
            Image.new("LA", (10, 10)).save(file)
        case "16 bit":
            Image.new("I;16", (10, 10)).save(file)
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case "dangling":
            file.symlink_to(folder / "nowhere.png")
        case "SVG":
            file.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return file


IMAGE_FAULTS = {
    "text": "is not an image that can be read",
    "empty": "is not an image that can be read",
    "truncated": "is a damaged image",
    "bomb": "has too many pixels",
    "large": "9000 x 9000 pixels are too many",
    "RGB": "is a colour image (mode RGB)",
    "palette": "is a colour image (mode P)",
    "alpha": "is a colour image (mode LA)",
    "16 bit": "has more than 8 bits a pixel",
    "folder": "is not a regular file",
    "pipe": "is not a regular file",
    "dangling": "is not a regular file",
    "SVG": "is not an image that can be read",
}


@pytest.mark.parametrize("kind", IMAGE_FAULTS)
def test_image_faults(repro: Repro, folder: Path, store: Path, kind: str) -> None:
    file = replace_image(folder, kind)
    repro("check", folder / "s.yaml").refused(2, f"{file}: {IMAGE_FAULTS[kind]}")
    repro("run", folder / "s.yaml").refused(2, f"{file}: {IMAGE_FAULTS[kind]}")
    repro("run", "original-bug", "--images", folder / "images").refused(2, f"{file}: ")
    assert nothing_in(store)


def test_more_images_than_memory_holds(repro: Repro, scenario: Edit, folder: Path, store: Path) -> None:
    """Refused before anything is decoded, in either layout (folders: test_folders.py)."""
    file = scenario("classes: 3", "classes: 33")
    file.write_text(file.read_text().replace("[32, 32]", "[4096, 4096]"))
    for index in range(30):
        Image.new("L", (4, 4)).save(folder / "images" / f"{index}.png")
    repro("run", file).refused(2, "33 images of 4096 x 4096 are more than 512 MiB: train on fewer or smaller ones")
    assert nothing_in(store)


@pytest.mark.parametrize("kind", ["RGB", "palette", "alpha"])
def test_colour_images_are_converted_on_request(repro: Repro, folder: Path, kind: str) -> None:
    replace_image(folder, kind)
    assert repro("check", folder / "s.yaml", "--convert", "L").code == 0


def test_three_channels_want_colour_images(repro: Repro, scenario: Edit) -> None:
    file = scenario("channels: 1", "channels: 3")
    repro("check", file).refused(2, "a.png: is not an RGB image (mode L)")
    repro("check", file, "--convert", "L").refused(2, "--convert L gives one channel")


def test_folders_of_images(repro: Repro, folder: Path, tmp_path: Path, store: Path) -> None:
    file, images = folder / "s.yaml", folder / "images"
    (images / "c.png").unlink()
    (images / ".hidden.png").write_text("x")
    (images / "notes.txt").write_text("x")
    repro("run", file).refused(2, "2 images found where 3 classes are asked")
    repro("run", "original-bug", "--images", tmp_path / "none").refused(2, "none: there is no such folder")
    repro("run", "original-bug", "--images", file).refused(2, "is not a folder")
    repro("run", "original-bug", "--images", "x" * 5000).refused(2, "cannot be read (File name too long)")
    for entry in images.iterdir():
        entry.unlink()
    images.rmdir()
    repro("run", file).refused(2, f"{file}:6: images.directory: there is no folder images beside the scenario")
    assert nothing_in(store)
