"""Reads the event log of a run while it grows."""

from __future__ import annotations

from pathlib import Path

import msgspec

from repro.runs import events

MAX_LINE_BYTES = 16 * 1024 * 1024


class EventReader:
    """Reads `events.jsonl` as it grows. A last line without a line feed does not count yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.offset = 0  # behind the last whole line that was read

    def read(self, limit: int = 4 * 1024 * 1024) -> list[events.AnyEvent]:
        """Return the events since the last call, from about `limit` bytes; msgspec.DecodeError on damage.

        A torn last line is read again by the next call, since a resumed run cuts it off and writes another one.
        """
        data, end = b"", 0
        try:
            with self._path.open("rb") as stream:
                stream.seek(self.offset)
                while not end and (block := stream.read(limit)):
                    end = len(data) + block.rfind(b"\n") + 1 if b"\n" in block else 0
                    data += block
                    if not end and len(data) > MAX_LINE_BYTES:
                        raise msgspec.DecodeError("a line is too long")
        except FileNotFoundError:
            return []
        self.offset += end
        return [events.decode(line) for line in data[:end].split(b"\n") if line]
