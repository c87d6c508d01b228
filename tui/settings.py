"""What is kept between starts: theme, animation, the last choices. A folder that cannot be written is no fault."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

FORMAT = 1
Device = Literal["auto", "cpu", "gpu"]
DEVICES = ("auto", "cpu", "gpu")


@dataclass
class Settings:
    """Contents of tui.json; unknown keys are ignored, so that an older program reads a newer file."""

    format: int = FORMAT
    theme: str = "repro-dark"
    animation: bool = True
    warm: bool = True
    environments: list[str] = field(default_factory=lambda: ["keras-3"])
    seeds: str = "0"
    device: Device = "auto"
    images: str = ""
    sort: str = "newest"
    files: list[str] = field(default_factory=list)


def config_folder() -> Path:
    """The user's settings folder."""
    import platformdirs

    return Path(platformdirs.user_config_dir("repro", appauthor=False))


def load(folder: Path | None = None) -> Settings:
    """Settings as kept; defaults where there are none or they are damaged."""
    settings = Settings()
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # the last: no home, or nested too deeply
        data = ((folder or config_folder()) / "tui.json").read_bytes()
        import json

        found: Any = json.loads(data)
        if isinstance(found, dict):
            for one in fields(Settings):
                _take(settings, one.name, found.get(one.name))
    return settings


def _take(settings: Settings, name: str, value: object) -> None:
    """Take over a value of the right type."""
    right = type(value) is type(getattr(settings, name))
    if isinstance(value, list):
        right = right and all(isinstance(item, str) for item in value)
    if name == "device":
        right = value in DEVICES
    if right:
        setattr(settings, name, value)


def save(settings: Settings, folder: Path | None = None) -> bool:
    """Keep them; False where they cannot be written."""
    import json

    try:
        folder = folder or config_folder()
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"tui.json.{os.getpid()}"
        temporary.write_text(json.dumps(asdict(settings), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(folder / "tui.json")
    except (OSError, UnicodeEncodeError, RuntimeError):
        return False
    return True
