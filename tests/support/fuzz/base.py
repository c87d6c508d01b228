"""What every fuzz target has."""

from __future__ import annotations

import os
import random
from pathlib import Path


class FuzzTarget:
    """One kind of input; `case` makes one from what `draw` draws and reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["REPRO_ENVIRONMENTS"] = str(folder / "no-environments")
        os.environ["REPRO_STORE"] = str(folder / "store")

    def case(self, draw: random.Random) -> None:
        raise NotImplementedError
