"""What all screens share: the places on top, the command line and the keys below, widths, the notice when too small."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui.widgets.chrome import CommandLine, KeyBar, Masthead

if TYPE_CHECKING:
    from tui.app import ReproApp

SMALLEST = (60, 18)
# Areas of the keys that count on every screen; help and palette show those of the screen before them.
GENERAL_AREAS = ("Go", "Command", "Screen", "View", "Help", "Program", "List", "Queue")
WIDTHS = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]
HEIGHTS = [(0, "-short"), (30, "-tall")]


def key(
    keys: str, action: str, label: str, ident: str, what: str, *, show: bool = True, display: str | None = None
) -> Binding:
    """One key: `label` stands in the footer, `what` ("Verb object") in help and palette, after `ident`'s area."""
    return Binding(keys, action, label, show=show, tooltip=what, id=ident, key_display=display)


class ReproScreen(Screen[None]):
    """Base of the full screens."""

    HERE: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    FOCUS_HELP: ClassVar[dict[str, str]] = {}  # help of each widget that takes the focus, by its id
    TRAINS: ClassVar[bool] = False  # whether it has a TensorFlow of its own at work
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self) -> None:
        super().__init__()
        self._put: dict[Static, Content] = {}

    @property
    def repro(self) -> ReproApp:
        """The program."""
        return self.app  # type: ignore[return-value]

    def compose(self) -> ComposeResult:
        yield Masthead(self.HERE)
        with Vertical(id="body"):
            yield from self.body()
        with Vertical(id="bottom"):
            yield CommandLine()
            yield KeyBar()
        yield Static("", id="too-small", markup=False)

    def put(self, place: Static, content: Content, *, layout: bool = True) -> None:
        """Show `content` where it is new: an update that changes nothing costs a layout, too."""
        before = self._put.get(place)
        if before is None or before.plain != content.plain or before.spans != content.spans:
            self._put[place] = content
            place.update(content, layout=layout)

    def body(self) -> ComposeResult:
        """What stands between head and foot."""
        yield from ()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= 136, "-vast")
        small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        self.set_class(small, "-too-small")
        if small:
            self.query_one("#too-small", Static).update(
                f"{event.size.width} x {event.size.height} is too small.\n\n"
                f"repro needs a terminal of at least {SMALLEST[0]} x {SMALLEST[1]}.\nq leaves."
            )

    def on_screen_resume(self) -> None:
        if self.is_composed:
            self.show_activity()
            self.store_changed()

    def on_screen_suspend(self) -> None:
        """Under a dialog, which shows the notices itself, they would be seen a second time."""
        for notices in self.query("ToastRack"):  # Textual shows them again when the dialog is gone
            notices.display = False

    @property
    def is_composed(self) -> bool:
        """Whether its widgets are there: not before they are made, and not while they or the program are taken away.

        Threads and timers may come at any time; `is_mounted` stays true for ever.
        """
        return self.is_mounted and self.is_attached and self.display and bool(self.query("#too-small"))

    def action_back(self) -> None:
        """Leave what lies upon a place; what goes on goes on."""
        self.app.pop_screen()

    def show_activity(self) -> None:
        """Bring the head line up to date."""
        self.query_one(Masthead).show(self.repro.activity())

    def show_command(self, command: str) -> None:
        """The command line that does the same."""
        self.query_one(CommandLine).show(command)

    def store_changed(self) -> None:
        """Something in the store is different; take it from the app."""

    @property
    def command(self) -> str:
        """What `y` copies."""
        return self.query_one(CommandLine).command
