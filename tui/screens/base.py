"""What all screens share: the places on top, the command line and the keys below, widths, the notice when too small."""

from __future__ import annotations

from typing import ClassVar, Protocol, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui.session import Session
from tui.viewmodels.activity import activity_line
from tui.widgets.chrome import CommandLine, Header, KeyHints

SMALLEST = (60, 18)
WIDTHS = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]
HEIGHTS = [(0, "-short"), (30, "-tall")]
VAST = 136


class Program(Protocol):
    """What screens ask of the program around them."""

    session: Session

    def go(self, mode: str) -> None:
        """Go to one of the four places."""

    def open_run(self, run_id: str) -> None:
        """Show one run."""

    def open_report(self, run_ids: list[str]) -> None:
        """Show what an export of these runs would hold."""


class UsesSession:
    """A screen or dialog that reads and acts through the program's session.

    No DOMNode: one before the screen's class among the bases would come between it and its styles.
    """

    @property
    def program(self) -> Program:
        """The program around the screen."""
        return cast(Program, self.app)  # type: ignore[attr-defined]

    @property
    def session(self) -> Session:
        """The store, the queue and the settings."""
        return self.program.session


class ReproScreen(UsesSession, Screen[None]):
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

    def compose(self) -> ComposeResult:
        yield Header(self.HERE, self._activity())
        with Vertical(id="body"):
            yield from self.body()
        with Vertical(id="bottom"):
            yield CommandLine()
            yield KeyHints()
        yield Static("", id="too-small", markup=False)

    def put(self, place: Static, content: Content, *, layout: bool = True) -> None:
        """Show `content` if it is new: an update that changes nothing costs a layout, too."""
        before = self._put.get(place)
        if before is None or before.plain != content.plain or before.spans != content.spans:
            self._put[place] = content
            place.update(content, layout=layout)

    def body(self) -> ComposeResult:
        """Yield what is between header and footer."""
        yield from ()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= VAST, "-vast")
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
        """Hide the notices: a dialog shows them itself, and they would be seen twice."""
        for notices in self.query("ToastRack"):  # Textual shows them again when the dialog is gone
            notices.display = False

    @property
    def is_composed(self) -> bool:
        """Whether its widgets are there: not before they are made, and not while they or the program are taken away.

        Threads and timers may come at any time; `is_mounted` stays true for ever.
        """
        return self.is_mounted and self.is_attached and self.display and bool(self.query("#too-small"))

    def action_back(self) -> None:
        """Close this screen. Running jobs are not affected."""
        self.app.pop_screen()

    def _activity(self) -> Content:
        session, queue = self.session, self.session.queue
        return activity_line(
            session.store_error,
            session.running(),
            len(queue.waiting()),
            is_starting=queue.is_starting,
            is_standby_ready=queue.is_standby_ready,
        )

    def show_activity(self) -> None:
        """Bring the header up to date."""
        self.query_one(Header).show(self._activity())

    def show_command(self, command: str) -> None:
        """Show the command line that does the same as the screen."""
        self.query_one(CommandLine).show(command)

    def store_changed(self) -> None:
        """Take what changed in the store from the session; called by the program."""

    @property
    def command(self) -> str:
        """What `y` copies."""
        return self.query_one(CommandLine).command
