"""What is kept between starts: theme, animation, the last choices. A folder that cannot be written is no fault."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

import msgspec

FORMAT = 1
Device = Literal["auto", "cpu", "gpu"]


class Settings(msgspec.Struct):
    """Contents of tui.json; unknown keys are ignored, so that an older program reads a newer file."""

    format: int = FORMAT
    theme: str = "repro-dark"
    animation: bool = True
    environments: list[str] = msgspec.field(default_factory=lambda: ["keras-3"])
    seeds: str = "0"
    device: Device = "auto"
    images: str = ""
    sort: str = "newest"


def config_folder() -> Path:
    """The user's settings folder."""
    import platformdirs

    return Path(platformdirs.user_config_dir("repro", appauthor=False))


def load(folder: Path | None = None) -> Settings:
    """Settings as kept; defaults where there are none or they are damaged."""
    with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(((folder or config_folder()) / "tui.json").read_bytes(), type=Settings)
    return Settings()


def save(settings: Settings, folder: Path | None = None) -> bool:
    """Keep them; False where they cannot be written."""
    folder = folder or config_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"tui.json.{os.getpid()}"
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=1) + b"\n")
        temporary.replace(folder / "tui.json")
    except OSError:
        return False
    return True
