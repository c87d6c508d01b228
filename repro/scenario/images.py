"""Decodes the images that a scenario trains on: one file or one folder per class, in the order of sorted names."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from repro.base.errors import InputError
from repro.base.text import one_line, to_utf8
from repro.scenario.image_record import ImageRecord
from repro.scenario.load import Loaded
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
MAX_IMAGES = 10_000
# A worker holds them as float32, four times as much.
MAX_PIXEL_BYTES = 512 * 1024**2
# The probabilities of all images are one event.
MAX_PROBABILITIES = 200_000


@dataclass(frozen=True)
class ImageSet:
    """Decoded images: `pixels` is uint8 (count, height, width, channels); `records` in the same order."""

    pixels: NDArray[np.uint8]
    records: list[ImageRecord]
    validation: ImageSet | None = None
    left_out: Sequence[str] = ()  # files in folders of classes that are no images

    @property
    def notes(self) -> list[str]:
        """What a user should know of a set that is allowed all the same."""
        notes = []
        counts = Counter(record.label for record in self.records)
        if len(set(counts.values())) > 1:
            fewest, most = min(counts.values()), max(counts.values())
            notes.append(f"the classes are not equal: {fewest} to {most} training images")
        if self.left_out:
            names = one_line(_some(list(self.left_out)), 200)
            notes.append(
                f"{len(self.left_out)} files in the folders of classes are no images and are left out: {names}"
            )
        return notes

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
        visible = (file for file in directory.iterdir() if not file.name.startswith("."))
        found = list(islice(visible, MAX_IMAGES + 1))
        if len(found) > MAX_IMAGES:
            raise InputError(f"holds more than {MAX_IMAGES:,} files", do="train on fewer images", file=directory)
        return sorted((file for file in found if file.suffix.lower() in SUFFIXES), key=lambda file: file.name)
    except NotADirectoryError:
        raise InputError("is not a folder", do="name the folder with the images", file=directory) from None
    except FileNotFoundError:
        raise InputError("there is no such folder", do="name the folder with the images", file=directory) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=directory) from None


def load(
    directory: Path, images: Images, classes: int, *, convert: str | None = None, base: Path | None = None
) -> ImageSet:
    """Decode a folder for a scenario; `convert` (of the command line) goes before the scenario's own.

    A validation folder that the scenario names is looked for in `base`, else beside `directory`.
    """
    convert = convert or images.convert
    if convert is not None and images.channels != 1:
        raise InputError("--convert L gives one channel, the scenario asks for 3", do="leave --convert out")
    if images.layout == "folder-per-class":
        return _load_folders(directory, images, classes, convert, base or directory.parent)
    files = list_files(directory)
    if len(files) != classes:
        raise InputError(
            f"{len(files)} images found where {classes} classes are asked",
            do=f"one image per class, named {', '.join('*' + suffix for suffix in SUFFIXES[:2])}, ...",
            file=directory,
        )
    _limit(files, images, classes, directory)
    return _decode_all([(file, label, file.name) for label, file in enumerate(files)], images, convert)


def conversion(images: Images, records: Iterable[ImageRecord]) -> str | None:
    """What `--convert` said when a run's images were decoded; None where it need not be given."""
    if images.channels != 1 or images.convert is not None:
        return None
    return "L" if any(record.mode not in GREYSCALE_MODES for record in records) else None


def load_for(scenario: Loaded, *, folder: Path | None = None, convert: str | None = None) -> ImageSet:
    """The images of a scenario's file, or those of the `folder` of the command line."""
    trained = scenario.require_images()
    images = trained.images
    if folder is None and not scenario.images_directory.exists():
        what = f"images.directory: there is no folder {one_line(images.directory, 80)} beside the scenario"
        scenario.document.fail(what, ("images", "directory"), do="put the images there, or name a folder with --images")
    return load(
        folder or scenario.images_directory,
        images,
        trained.model.classes,
        convert=convert,
        base=scenario.file.parent,
    )


_Labelled = tuple[Path, int, str]


def _decode_all(files: list[_Labelled], images: Images, convert: str | None) -> ImageSet:
    import numpy as np

    height, width = images.size
    pixels = np.empty((len(files), height, width, images.channels), np.uint8)
    records = []
    for index, (file, label, name) in enumerate(files):
        pixels[index], record = _decode(file, images, convert, label, name)
        records.append(record)
    return ImageSet(pixels, records)


def _load_folders(directory: Path, images: Images, classes: int, convert: str | None, base: Path) -> ImageSet:
    """One folder per class; with the validation images that the scenario asks for."""
    names = _class_names(directory, classes)
    training = [list_files(directory / name) for name in names]
    validation: list[list[Path]] = []
    if images.validation is not None and images.validation.split is not None:
        counts = [math.ceil(len(files) * images.validation.split) for files in training]
        validation = [files[len(files) - count :] for files, count in zip(training, counts, strict=True)]
        training = [files[: len(files) - count] for files, count in zip(training, counts, strict=True)]
    elif images.validation is not None and images.validation.directory is not None:
        folder = base / images.validation.directory
        other = _class_names(folder, classes)
        if other != names:
            raise InputError("has other classes than the training images", do=f"name them {_some(names)}", file=folder)
        validation = [list_files(folder / name) for name in names]
    for name, files in zip(names, training, strict=True):
        if not files:
            raise InputError("the class has no images to train on", do="add some", file=directory / name)
    _limit([file for files in (*training, *validation) for file in files], images, classes, directory)
    found = replace(_decode_all(_in_turn(training, names), images, convert), left_out=_no_images(directory, names))
    if not validation:
        return found
    if not any(validation):
        raise InputError("there are no validation images", do="add some, or leave validation out", file=directory)
    return replace(found, validation=_decode_all(_in_turn(validation, names), images, convert))


def _class_names(directory: Path, classes: int) -> list[str]:
    try:
        entries = list(islice(directory.iterdir(), MAX_IMAGES + 1))
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except (NotADirectoryError, FileNotFoundError):
        raise InputError("there is no such folder", do="name one with a folder per class", file=directory) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=directory) from None
    if len(entries) > MAX_IMAGES:
        raise InputError(f"holds more than {MAX_IMAGES:,} files", do="train on fewer images", file=directory)
    if len(names) != classes:
        what = "is the only class" if len(names) == 1 else f"{len(names)} class folders found"
        file = directory / names[0] if len(names) == 1 else directory
        raise InputError(f"{what}, where {classes} are asked", do="one folder per class, or mend classes", file=file)
    return names


def _no_images(directory: Path, names: list[str]) -> list[str]:
    """Names of the files in the folders of classes that are no images, hidden ones aside."""
    return sorted(
        f"{name}/{file.name}"
        for name in names
        for file in islice((directory / name).iterdir(), MAX_IMAGES + 1)
        if not file.name.startswith(".") and file.is_file() and file.suffix.lower() not in SUFFIXES
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _in_turn(groups: list[list[Path]], names: list[str]) -> list[_Labelled]:
    """The first image of each class, then the second of each, and so on.

    Batches that are taken in this order hold all classes, as shuffled ones do; a batch of one class alone would have
    other statistics than any in training.
    """
    rounds = zip_longest(*groups)
    return [
        (file, label, f"{names[label]}/{file.name}")
        for row in rounds
        for label, file in enumerate(row)
        if file is not None
    ]


def _limit(files: list[Path], images: Images, classes: int, directory: Path) -> None:
    """Refuse more than memory and an event hold, before anything is decoded."""
    height, width = images.size
    count = len(files)
    if count > MAX_IMAGES:
        raise InputError(f"holds {count:,} images", do=f"at most {MAX_IMAGES:,}: train on fewer", file=directory)
    if count * height * width * images.channels > MAX_PIXEL_BYTES:
        what = f"{count:,} images of {height} x {width} are more than {MAX_PIXEL_BYTES >> 20} MiB"
        raise InputError(what, do="train on fewer or smaller ones", file=directory)
    if count * classes > MAX_PROBABILITIES:
        what = f"{count:,} images with {classes:,} classes give too many predictions"
        raise InputError(what, do=f"at most {MAX_PROBABILITIES:,} together: train on fewer", file=directory)


def _decode(
    file: Path, images: Images, convert: str | None, label: int, name: str
) -> tuple[NDArray[np.uint8], ImageRecord]:
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
        name=to_utf8(name),
        sha256=hashlib.sha256(raw).hexdigest(),
        mode=mode,
        width=original_width,
        height=original_height,
        label=label,
        pixels_sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
        minimum=int(np.min(pixels)),
        maximum=int(np.max(pixels)),
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
        raise InputError(f"is a damaged image ({one_line(error, 80)})", do="save it again", file=file) from None
