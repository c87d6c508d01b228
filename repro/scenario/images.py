"""Decodes the images that a scenario trains on: one file per class, in the order of their sorted names."""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repro.errors import InputError, printable
from repro.runs.records import ImageRecord
from repro.scenario.types import Images

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 200 * 1024 * 1024
GREYSCALE_MODES = ("L", "1")


@dataclass(frozen=True)
class ImageSet:
    """Decoded images: `pixels` is uint8 (count, height, width, channels); `records` in the same order."""

    pixels: NDArray[np.uint8]
    records: list[ImageRecord]

    @property
    def labels(self) -> list[int]:
        """Class of each image."""
        return [record.label for record in self.records]

    def npy(self) -> bytes:
        """The pixels as a .npy file."""
        import numpy as np

        stream = io.BytesIO()
        np.lib.format.write_array(stream, self.pixels, allow_pickle=False)
        return stream.getvalue()


def list_files(directory: Path) -> list[Path]:
    """Image files of a folder by sorted name (os.listdir's order differs between machines and binds labels)."""
    try:
        entries = sorted(directory.iterdir(), key=lambda file: file.name)
        return [file for file in entries if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")]
    except NotADirectoryError:
        raise InputError("is not a folder", do="name the folder with the images", file=directory) from None
    except FileNotFoundError:
        raise InputError("there is no such folder", do="name the folder with the images", file=directory) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=directory) from None


def load(directory: Path, images: Images, classes: int, *, convert: str | None = None) -> ImageSet:
    """Decode a folder for a scenario; `convert` (of the command line) goes before the scenario's own."""
    import numpy as np

    files = list_files(directory)
    if len(files) != classes:
        raise InputError(
            f"{len(files)} images found where {classes} classes are asked",
            do=f"one image per class, named {', '.join('*' + suffix for suffix in SUFFIXES[:2])}, ...",
            file=directory,
        )
    convert = convert or images.convert
    if convert is not None and images.channels != 1:
        raise InputError("--convert L gives one channel, the scenario asks for 3", do="leave --convert out")
    decoded, records = [], []
    for label, file in enumerate(files):
        pixels, record = _decode(file, images, convert, label)
        decoded.append(pixels)
        records.append(record)
    return ImageSet(np.stack(decoded), records)


def _decode(file: Path, images: Images, convert: str | None, label: int) -> tuple[NDArray[np.uint8], ImageRecord]:
    import numpy as np
    from PIL import Image

    height, width = images.size
    try:
        if not file.is_file():
            raise InputError("is not a regular file", do="put an image there", file=file)
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"larger than {MAX_FILE_BYTES >> 20} MiB", do="save it smaller", file=file)
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=file) from None
    with _image_faults(file), Image.open(io.BytesIO(raw), formats=FORMATS) as image:
        original_width, original_height = image.size
        if original_width * original_height > MAX_PIXELS:
            raise InputError(
                f"{original_width} x {original_height} pixels are too many",
                do=f"at most {MAX_PIXELS // 1_000_000} million: make it smaller",
                file=file,
            )
        mode = image.mode
        ready = _in_channels(image, images.channels, convert, file)
        resized = ready.resize((width, height), Image.Resampling.LANCZOS)
        pixels = np.asarray(resized, np.uint8).reshape(height, width, images.channels)
    record = ImageRecord(
        name=file.name.encode("utf-8", "backslashreplace").decode(),
        sha256=hashlib.sha256(raw).hexdigest(),
        mode=mode,
        width=original_width,
        height=original_height,
        label=label,
        pixels_sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
        minimum=int(pixels.min()),
        maximum=int(pixels.max()),
        mean=float(pixels.mean()),
        standard_deviation=float(pixels.std()),
    )
    return pixels, record


def _in_channels(image: Image.Image, channels: int, convert: str | None, file: Path) -> Image.Image:
    """The image in the mode that gives `channels`; never reshaped, converted only on request."""
    mode = image.mode
    if channels == 1:
        if mode in GREYSCALE_MODES or (convert == "L" and mode in ("RGB", "RGBA", "P", "LA", "CMYK", "YCbCr")):
            return image.convert("L")
        if mode.startswith(("I", "F")):
            raise InputError(f"has more than 8 bits a pixel (mode {mode})", do="save it with 8 bits", file=file)
        raise InputError(
            f"is a colour image (mode {mode}), and the scenario asks for one channel",
            do="give --convert L to turn it into greyscale, or set channels: 3",
            file=file,
        )
    if mode != "RGB":
        raise InputError(
            f"is not an RGB image (mode {mode}), and the scenario asks for three channels",
            do="save it as RGB, or set channels: 1",
            file=file,
        )
    return image


@contextlib.contextmanager
def _image_faults(file: Path) -> Iterator[None]:
    """Pillow's many ways to say that a file is no image, as one line."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(
            "has too many pixels", do=f"at most {MAX_PIXELS // 1_000_000} million: make it smaller", file=file
        ) from None
    except UnidentifiedImageError:
        raise InputError("is not an image that can be read", do=f"save it as {', '.join(FORMATS)}", file=file) from None
    except Exception as error:
        raise InputError(f"is a damaged image ({printable(str(error), 80)})", do="save it again", file=file) from None
