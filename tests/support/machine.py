"""What this machine has, read before a test gets a home of its own."""

from __future__ import annotations

from pathlib import Path

USERS_HOME = Path.home()
