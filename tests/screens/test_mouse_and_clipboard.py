"""Mouse, clipboard and themes as a terminal's bytes: what it sends for a click, and what it is sent."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.runs import recorded
from tests.support.terminal import Terminal, variables
from tui.themes import THEMES

ROWS, COLUMNS = 30, 100
F2 = "\x1bOQ"
# Where things stand at 100 x 30, counted from 1 as a terminal does.
SECOND_SCENARIO = (6, 7)
RUNS, FIRST_RUN = (22, 1), (10, 6)
COMMAND_LINE = (10, ROWS - 1)
SLIDER_LINE, SLIDER_AT = 5, {0.99: 70, 0.5: 35}
HELD = 32  # added to the button while the mouse moves
ESCAPES = re.compile(rb"\x1b\[[0-9;?:]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
OSC_52 = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)(?:\x07|\x1b\\)")
BACKGROUND = re.compile(rb"48;2;(\d+);(\d+);(\d+)")


def rgb(colour: str) -> tuple[int, ...]:
    """The three figures of #rrggbb."""
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


class Hands:
    """Somebody at the program's terminal. What is waited for must come after what was done last."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._mark = 0

    def press(self, keys: str) -> None:
        """Keys, or anything else that a terminal sends."""
        self._mark = len(self.terminal.read())
        os.write(self.terminal.main, keys.encode())

    def mouse(self, *events: tuple[int, int, int, str]) -> None:
        """Button, column, row, and M (down or moved) or m (up), as SGR mouse mode (1006) writes them."""
        self.press("".join(f"\x1b[<{button};{x};{y}{end}" for button, x, y, end in events))

    def click(self, place: tuple[int, int]) -> None:
        """The left button, down and up."""
        self.mouse((0, *place, "M"), (0, *place, "m"))

    def double_click(self, place: tuple[int, int]) -> None:
        """Both at once: two writes may come to the program half a second apart."""
        self.mouse(*[(0, *place, end) for end in "MmMm"])

    def came(self) -> bytes:
        """What was drawn since the last thing that was done."""
        return self.terminal.read()[self._mark :]

    def sees(self, *texts: str) -> bytes:
        """Wait for texts, whatever their colours; the bytes."""
        self.until(lambda: all(text.encode() in ESCAPES.sub(b"", self.came()) for text in texts), str(texts))
        return self.came()

    def until(self, wanted: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait for anything else."""
        end = time.monotonic() + seconds
        while not wanted():
            has_ended = self.terminal.process.poll() is not None
            if (has_ended and not wanted()) or time.monotonic() > end:
                pytest.fail(f"{what} never came; what came was {ESCAPES.sub(b' ', self.came())[-2000:]!r}")
            time.sleep(0.02)


@pytest.fixture
def hands(store: Path, tmp_path: Path) -> Iterator[Hands]:
    """The program in true colour over a store with one traced run; no environment, so that nothing is trained."""
    recorded.traced(store, 1)
    environment = variables(tmp_path) | {
        "COLORTERM": "truecolor",
        "REPRO_ENVIRONMENTS": str(tmp_path / "none"),
        "REPRO_STORE": str(store),
    }
    terminal = Terminal(["-m", "repro"], environment, ROWS, COLUMNS)
    found = Hands(terminal)
    found.sees("original-bug", "✓ keras-3")
    yield found
    found.press("q")
    try:
        assert terminal.end() == 0
        assert b"Traceback" not in terminal.output
    finally:
        terminal.close()


def test_a_click_chooses_and_a_second_one_asks(hands: Hands) -> None:
    hands.click(SECOND_SCENARIO)
    hands.sees("$ repro run forced-learning-phase", "The answer's first proof")
    assert "─ Run ".encode() not in ESCAPES.sub(b"", hands.came())
    hands.double_click(SECOND_SCENARIO)
    hands.sees("Run forced-learning-phase", "Environments")
    hands.press("\x1b")
    # Behind a dialog the title is drawn, too, but faded; and a key that follows an escape at once becomes one with it.
    bright = b"38;2;%d;%d;%d" % rgb(THEMES[0].variables["text-accent"])
    hands.until(lambda: bool(re.search(bright + b"[0-9;]*mThe report", hands.came())), "the library in its own colours")


def test_the_mouse_opens_a_run_and_drags_the_momentum(hands: Hands) -> None:
    hands.click(RUNS)
    hands.sees("1 run, newest first")
    hands.double_click(FIRST_RUN)
    hands.sees("Loss in fit")
    hands.press("w")
    hands.sees("Same weights, same images")
    hands.press("m")
    hands.sees("trained at momentum 0.99", "--momentum 0.99 --epoch 5")
    at, to = SLIDER_AT[0.99], SLIDER_AT[0.5]
    moved = [(HELD, x, SLIDER_LINE, "M") for x in range(at - 1, to - 1, -1)]
    hands.mouse((0, at, SLIDER_LINE, "M"), *moved)
    hands.sees("--momentum 0.5 --epoch 5", "0.5^5 = 0.03125")
    hands.mouse((0, to, SLIDER_LINE, "m"), (HELD + 3, at, SLIDER_LINE, "M"))  # let go: the mouse alone moves nothing
    hands.press("\x1b[C")
    hands.sees("--momentum 0.7 --epoch 5")


@pytest.mark.parametrize("by_mouse", [False, True])
def test_what_is_copied_goes_to_the_terminal_and_to_a_file(hands: Hands, tmp_path: Path, by_mouse: bool) -> None:
    if by_mouse:
        hands.click(COMMAND_LINE)
    else:
        hands.press("y")
    drawn = hands.sees("copied the command line")
    copied = [base64.b64decode(found).decode() for found in OSC_52.findall(drawn)]
    assert copied == ["repro run original-bug --environment keras-3 --seed 0 --again --trace"]
    assert (tmp_path / "state" / "repro" / "copied.txt").read_text() == copied[0] + "\n"


def test_another_theme_brings_other_colours_and_is_kept(hands: Hands, tmp_path: Path) -> None:
    dark, light = (rgb(theme.background or "") for theme in THEMES[:2])

    def backgrounds() -> set[tuple[int, ...]]:
        return {tuple(map(int, found)) for found in BACKGROUND.findall(hands.came())}

    assert dark in backgrounds() and light not in backgrounds()
    hands.press(F2)
    hands.sees("Search for commands", "Library: Run all scenarios")
    hands.press("theme light")
    hands.until(lambda: b"View: Use theme light" in ESCAPES.sub(b"", hands.came()), "the theme")
    hands.press("\r")
    hands.sees("theme: light")
    hands.until(lambda: light in backgrounds(), "the other background")
    assert json.loads((tmp_path / "config" / "repro" / "tui.json").read_text())["theme"] == "repro-light"
