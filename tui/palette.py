"""The command palette's lines: the key, then "Area: Verb object"; what the screen offers stands first."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui.keys import GENERAL_AREAS

KEY_WIDTH = 8


def _line(key: str, name: Content) -> Content:
    return Content.styled(f"{key:<{KEY_WIDTH}}", "$footer-key-foreground") + name


class Commands(Provider):
    """The app's commands, in the order of use and not of the alphabet."""

    def _commands(self) -> Iterator[SystemCommand]:
        yield from sorted(
            self.app.get_system_commands(self.screen),
            key=lambda command: command.title.partition(":")[0] in GENERAL_AREAS,
        )

    async def discover(self) -> Hits:
        """All of them."""
        for name, key, callback, _ in self._commands():
            yield DiscoveryHit(_line(key, Content(name)), callback, text=name)

    async def search(self, query: str) -> Hits:
        """Those that match, the best first."""
        matcher = self.matcher(query)
        for name, key, callback, _ in self._commands():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, _line(key, matcher.highlight(name)), callback, text=name)
