"""How a key is declared: one table feeds dispatch, footer, help and palette."""

from __future__ import annotations

from textual.binding import Binding

# Areas of the keys that count on every screen; help and palette show those of the screen before them.
GENERAL_AREAS = ("Go", "Command", "Screen", "View", "Help", "Program", "List", "Queue")


def key(
    keys: str, action: str, label: str, ident: str, what: str, *, show: bool = True, display: str | None = None
) -> Binding:
    """Declare a key: `label` is for the footer, `what` ("Verb object") for help and palette, after `ident`'s area."""
    return Binding(keys, action, label, show=show, tooltip=what, id=ident, key_display=display)
