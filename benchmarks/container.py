"""Size and start of the container: `python benchmarks/container.py` prints one line a figure, with its limit.

Needs a Docker engine. The source is changed in a copy, so the checkout stays as it is.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "repro:cpu"
SIZE_LIMIT_GB = 2.1
REBUILD_LIMIT_SECONDS = 10.0
START_LIMIT_SECONDS = 1.5


def docker(*arguments: str, store: Path | None = None) -> str:
    """Standard output of one `docker` command; an error ends the program with what it said."""
    variables = {**os.environ, **({"REPRO_STORE": str(store)} if store else {})}
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"docker {' '.join(arguments)}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def seconds(call: Callable[[], object]) -> float:
    """Wall clock of one call."""
    started = time.monotonic()
    call()
    return time.monotonic() - started


def source_copy(folder: Path) -> None:
    """Copy what git knows, and what it would add, into `folder`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def rebuild() -> float:
    """Seconds that a build takes after a line of source was added."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source_copy(folder)
        with (folder / "repro" / "verdict.py").open("a") as source:
            source.write(f"\nCHANGED = {time.time()}\n")
        taken = seconds(lambda: docker("build", "--quiet", "--tag", "repro:changed", str(folder)))
    docker("image", "rm", "repro:changed")
    return taken


def start() -> tuple[float, float]:
    """Seconds for the bare base image and for `repro list`: the medians of five."""
    label = '{{index .Config.Labels "org.opencontainers.image.base.name"}}'
    base = docker("image", "inspect", "--format", label, IMAGE).strip()
    with tempfile.TemporaryDirectory() as name:
        store = Path(name)
        store.chmod(0o777)
        bare = statistics.median(seconds(lambda: docker("run", "--rm", base, "true")) for _ in range(5))
        command = ("compose", "run", "--rm", "repro", "list")
        ours = statistics.median(seconds(lambda: docker(*command, store=store)) for _ in range(5))
    return bare, ours


def main() -> None:
    """Build, measure, print."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        print("container: no Docker engine answers here")
        return
    first = seconds(lambda: docker("compose", "build", "repro"))
    size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE)) / 1e9
    again = rebuild()
    bare, ours = start()
    print(f"container: build with what the cache held   {first:7.1f} s")
    print(f"container: image, unpacked                  {size:7.2f} GB  (at most {SIZE_LIMIT_GB})")
    print(f"container: build after a change of source   {again:7.1f} s   (at most {REBUILD_LIMIT_SECONDS})")
    print(f"container: repro list                       {ours:7.2f} s   (bare base image {bare:.2f} s)")
    print(f"container: above the bare base image        {ours - bare:7.2f} s   (at most {START_LIMIT_SECONDS})")


if __name__ == "__main__":
    main()
