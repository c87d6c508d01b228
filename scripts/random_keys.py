"""Random keys at random moments, then the program is left, in the middle of whatever it does.

    python -m scripts.random_keys [--times 300] [--seed 0]

The program is real, on a pseudo terminal, over a store of recorded runs; no environment is installed there, so that a
run that is started by chance fails at once. Promised: it ends as it was told, the terminal is as it was found, and no
defect is written.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.support.runs import recorded
from tests.support.terminal import Terminal, left_on, variables

KEYS = [bytes([key]) for key in b"1234ewmcxiorjkfslp t:?/ \r\r\t"] + [b"\x1b", b"\x1b", b"\x1b[A", b"\x1b[B"]
MOST_KEYS = 14
RESTORE_SECONDS = 5.0
PAUSES = (0.0, 0.0, 0.01, 0.05, 0.2, 0.5)
SIZES = ((18, 60), (24, 80), (40, 140), (60, 200))
ENDINGS = {b"q": 0, signal.SIGTERM: 143, signal.SIGHUP: 129}
QUIT_SECONDS = 3.0


def prepare(folder: Path) -> Path:
    """A store of finished runs, one of them traced."""
    store = folder / "runs"
    store.mkdir()
    for index in range(4):
        recorded.finished(store, index)
    recorded.traced(store, 4)
    return store


def try_once(folder: Path, store: Path, seed: int) -> str:
    """Play and leave; what was wrong, or nothing. `seed` chooses keys, pauses, size and ending."""
    chance = random.Random(seed)
    environment = {**variables(folder), "TMPDIR": str(folder), "REPRO_ENVIRONMENTS": str(folder / "none")}
    rows, columns = chance.choice(SIZES)
    terminal = Terminal(["-m", "repro", "--store", str(store)], environment, rows, columns, folder=folder)
    pressed: list[bytes] = []
    try:
        terminal.wait_for(b"\x1b[?1049h")
        time.sleep(chance.random())
        for _ in range(chance.randrange(MOST_KEYS)):
            pressed.append(chance.choice(KEYS))
            os.write(terminal.main, pressed[-1])
            time.sleep(chance.choice(PAUSES))
            terminal.read()
        ending = chance.choice(list(ENDINGS))
        code, allowed = _leave(terminal, ending)
        faults = [file.read_text("utf-8").splitlines()[-1] for file in folder.glob("repro-error-*.log")]
        if code not in allowed:
            faults.append(f"exit code {code}")
        _settle(terminal)
        if left_on(terminal.output) or termios.tcgetattr(terminal.side)[:4] != terminal.before[:4]:
            faults.append("the terminal is not as it was")
        if b"Traceback" in terminal.output:
            faults.append("a traceback on the screen")
    finally:
        terminal.close()
        for file in folder.glob("repro-error-*.log"):
            file.unlink()
    return f"seed {seed}, keys {b' '.join(pressed)!r}, {ending!r}: {'; '.join(faults)}" if faults else ""


def _settle(terminal: Terminal) -> None:
    """A terminal whose program was ended outright is restored a moment later, by another process."""
    end = time.monotonic() + RESTORE_SECONDS
    while left_on(terminal.read()) or termios.tcgetattr(terminal.side)[:4] != terminal.before[:4]:
        if time.monotonic() > end:
            return
        time.sleep(0.02)


def _leave(terminal: Terminal, ending: bytes | signal.Signals) -> tuple[int, set[int]]:
    """By the key, which a text field may take or a question may follow, or by a signal: exit code, those allowed."""
    if isinstance(ending, signal.Signals):
        terminal.process.send_signal(ending)
        # Before its handler stands the signal itself ends the program, which a shell reports as the same number.
        return terminal.end(), {ENDINGS[ending], -ending}
    os.write(terminal.main, ending)
    end = time.monotonic() + QUIT_SECONDS
    while terminal.process.poll() is None and time.monotonic() < end:
        terminal.read()
        time.sleep(0.02)
    if terminal.process.poll() is None:
        terminal.process.send_signal(signal.SIGTERM)
    return terminal.end(), {ENDINGS[ending], ENDINGS[signal.SIGTERM]}


def main() -> int:
    """Try, and print what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0, help="of the first; each further one takes the next")
    asked = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="repro-random-keys-") as folder:
        store = prepare(Path(folder))
        for seed in range(asked.seed, asked.seed + asked.times):
            said = try_once(Path(folder), store, seed)
            if said:
                wrong += 1
                print(said, flush=True)
    print(f"{asked.times} times, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
