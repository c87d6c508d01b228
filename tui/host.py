"""What the parts without widgets need of the program around them."""

from __future__ import annotations

from typing import Literal, Protocol

Severity = Literal["information", "warning", "error"]


class Host(Protocol):
    """The program that has the terminal."""

    def say(self, text: str, severity: Severity = "information", seconds: float = 5) -> None:
        """Show a notice."""

    def copy_to_clipboard(self, text: str) -> None:
        """Copy to the terminal's clipboard, as far as it has one."""

    def has_training_screen(self) -> bool:
        """Whether a screen has a TensorFlow of its own at work."""
        ...
