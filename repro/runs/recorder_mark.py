"""What the recorder said of the processes that it was loaded in: the lines of the file REPRO_RECORD_MARK."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repro.base.text import one_line

BY_HAND = "by hand: `repro recorder`, then `import repro_recorder; repro_recorder.watch()` in the program"


@dataclass(frozen=True)
class Mark:
    """How often the recorder was loaded and Keras imported; ids of the recordings, and the recorder's own faults."""

    loaded: int = 0
    keras: int = 0
    recordings: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    # Backends of Keras 3 that cannot be recorded.
    backends: tuple[str, ...] = ()


def read_mark(file: Path) -> Mark:
    """Read the mark; lines of another shape are passed over."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return Mark()
    by_word: dict[str, list[str]] = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        by_word.setdefault(word, []).append(rest.partition(" ")[2])
    return Mark(
        loaded=len(by_word.get("loaded", [])),
        keras=len(by_word.get("keras", [])),
        recordings=tuple(dict.fromkeys(by_word.get("recording", []))),
        failures=tuple(dict.fromkeys(by_word.get("failed", []))),
        backends=tuple(dict.fromkeys(by_word.get("backend", []))),
    )


def why_nothing(mark: Mark) -> str:
    """Why there is no recording, and what else can be done, in one line."""
    if mark.failures:
        return f"nothing was recorded: the recorder failed ({one_line(mark.failures[0], 200)})"
    if not mark.loaded:
        reasons = "no Python was started, or with -I, -E or -S, or with another PYTHONPATH"
        return f"nothing was recorded, since the recorder was not loaded ({reasons}); {BY_HAND}"
    if mark.backends and not mark.keras:
        backend = one_line(mark.backends[0], 20)
        return f"nothing was recorded: Keras runs on {backend} here, and only on TensorFlow it can be recorded"
    if not mark.keras:
        return "nothing was recorded, since no Keras was imported"
    return (
        "nothing was recorded: Keras was imported, but neither fit nor train_on_batch was called; a loop of one's own: "
        "`with repro_recorder.recording(model, x, y):`"
    )
