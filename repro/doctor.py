"""Examines this machine: interpreter, environments, threads, memory, disk, store, GPU, terminal, container."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from repro.base.errors import UnusableError
from repro.base.text import one_line
from repro.environment import check, definition, interpreter, record, requirements, use
from repro.environment.install import installed_lock
from repro.runs.store import Store

GIB = 1 << 30
NEEDED_MEMORY = 3 * GIB
NEEDED_DISK = 2 * GIB
UNUSED_SECONDS = 30 * 86_400


Severity = Literal["good", "warning", "error"]


class Finding(msgspec.Struct, frozen=True):
    """One thing found: how bad, about what, what it is, what to do."""

    severity: Severity
    subject: str
    message: str
    remedy: str = ""


def examine(store: Store) -> list[Finding]:
    """All findings; an examination that fails is a finding, too."""
    findings: list[Finding] = []
    for name, look in _EXAMINATIONS.items():
        try:
            findings += look(store)
        except Exception as error:  # whatever a broken machine gives: the others are examined all the same
            reason = str(error) or type(error).__name__
            findings.append(Finding("warning", name, f"could not be examined: {one_line(reason)}"))
    return findings


def _interpreter(_: Store) -> Iterator[Finding]:
    yield Finding("good", "engine", f"Python {platform.python_version()}, {platform.platform()}")
    if platform.machine() != "x86_64":
        yield Finding(
            "warning",
            "engine",
            f"this is {platform.machine()}: TensorFlow 1.4 exists for x86-64 only",
            "keras-2.0.9 runs there in the linux/amd64 image under emulation, without AVX and many times slower",
        )


def _environments(_: Store) -> Iterator[Finding]:
    for name, environment in definition.shipped_environments().items():
        is_default = name == definition.DEFAULT
        if not environment.is_installed() and record.IMAGE_FILE.is_file():
            target = "gpu" if name.endswith("-gpu") else "history"
            severity: Severity = "error" if is_default else "good"
            yield Finding(severity, name, "not in this image", f"it is in the Dockerfile's target {target}")
            continue
        if not environment.is_installed():
            if environment.prefix.is_dir() and installed_lock(environment) is None:
                message = "an installation was broken off"
            else:
                message = "not installed"
            remedy = f"repro environment install {environment.definition.installation}"
            if not interpreter.candidates(environment.definition.python) and shutil.which("uv") is None:
                remedy = f"get a Python {environment.definition.python} (pyenv, uv), then {remedy}"
            yield Finding("error" if is_default else "good", name, message, remedy)
            continue
        try:
            lines = check.drift(environment)
        except UnusableError as error:
            yield Finding("error", name, error.what, error.do)
            continue
        if lines:
            remedy = f"repro environment install {environment.definition.installation} --again"
            yield Finding("error", name, f"differs from its lock ({lines[0]})", remedy)
        else:
            yield Finding("good", name, "installed as locked")


def _unused(_: Store) -> Iterator[Finding]:
    """Say which environments that were made on demand take space and were not used for long."""
    old = []
    for one in definition.made_environments().values():
        used = use.last_use(one)
        if one.is_installed() and used is not None and time.time() - used > UNUSED_SECONDS:
            old.append(one)
    if not old:
        return
    own = sum(use.size(one.prefix).own for one in old)
    names = " ".join(one.name for one in old)
    days = UNUSED_SECONDS // 86_400
    text = f"{len(old)} made on demand and not used for {days} days take {own / GIB:.1f} GiB that nothing shares"
    yield Finding("good", "environments", text, f"repro environment remove {names}")


def _threads(_: Store) -> Iterator[Finding]:
    usable, present = record.usable_cores(), os.cpu_count() or 1
    quota = record.cgroup_cpu_quota()
    limit = f", limited to {quota:g} by the cgroup" if quota is not None else ""
    yield Finding("good", "threads", f"{usable} of {present} cores are usable{limit}; runs take {usable} threads")


def _memory(_: Store) -> Iterator[Finding]:
    limit = record.cgroup_memory_bytes()
    memory = min(record.memory_bytes(), limit or record.memory_bytes())
    text = f"{memory / GIB:.1f} GiB" + (" (the cgroup's limit)" if limit is not None else "")
    if memory < NEEDED_MEMORY:
        yield Finding("error", "memory", f"{text}: ResNet50 takes up to 3 GiB", "give the machine or container more")
    else:
        yield Finding("good", "memory", text)


def _store(store: Store) -> Iterator[Finding]:
    try:
        store.check_writable()
    except UnusableError as error:
        yield Finding("error", "store", f"{store.path}: {error.what}", _container_remedy(error, store))
        return
    free = shutil.disk_usage(store.path).free
    runs = len(store.runs())
    text = f"{store.path.absolute()}: {runs} run{'s' if runs != 1 else ''}, {free / GIB:.1f} GiB free"
    if free < NEEDED_DISK:
        yield Finding("warning", "store", text, "checkpoints take 283 MB each: free some space, or use --store")
    else:
        yield Finding("good", "store", text)


def _container_remedy(error: UnusableError, store: Store) -> str:
    if not record.IMAGE_FILE.is_file():
        return error.do
    try:
        owner = store.path.stat()
    except OSError:
        return error.do
    return (
        f"on the host: export REPRO_UID={owner.st_uid} REPRO_GID={owner.st_gid} "
        f"(who owns the folder), or sudo chown -R {os.getuid()}:{os.getgid()} the folder mounted at {store.path}"
    )


def _gpu(_: Store) -> Iterator[Finding]:
    devices, why = requirements.gpu_devices(), requirements.why_gpu_is_absent()
    if why is None:
        version = (
            requirements.DRIVER.read_text().splitlines()[0]
            if requirements.DRIVER.is_file()
            else "driver version unknown"
        )
        yield Finding("good", "GPU", f"{len(devices)} NVIDIA device{'s' if len(devices) != 1 else ''}; {version}")
        if not definition.get("keras-3-gpu").is_installed():
            yield Finding("good", "GPU", "unused until installed", "repro environment install keras-3-gpu")
        return
    remedy = "in a container: COMPOSE_FILE=docker-compose.yml:compose.gpu.yaml" if record.inside_container() else ""
    yield Finding("good", "GPU", f"none ({why}); runs use the CPU", remedy)


def _terminal(_: Store) -> Iterator[Finding]:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Finding("good", "terminal", "none here: commands work, the terminal UI needs one")
        return
    size = shutil.get_terminal_size()
    colours = os.environ.get("COLORTERM") or os.environ.get("TERM", "unknown")
    without = ", NO_COLOR is set" if os.environ.get("NO_COLOR") else ""
    text = f"{size.columns}x{size.lines}, {colours}{without}"
    if size.columns < 60 or size.lines < 18:
        yield Finding("warning", "terminal", text, "the terminal UI needs 60x18")
    else:
        yield Finding("good", "terminal", text)


def _container(store: Store) -> Iterator[Finding]:
    if not record.IMAGE_FILE.is_file():
        return
    image = msgspec.json.decode(record.IMAGE_FILE.read_bytes())
    labels = image.get("labels", image)
    version = labels.get("org.opencontainers.image.version", labels.get("version", "unknown"))
    revision = labels.get("org.opencontainers.image.revision", labels.get("revision", "unknown"))
    yield Finding("good", "container", f"image {version}, revision {revision}, uid {os.getuid()} gid {os.getgid()}")
    if not store.path.is_mount():
        yield Finding(
            "warning", "container", f"{store.path} is no mounted folder: runs go with the container", "mount one there"
        )
    if not os.environ.get("REPRO_IMAGE_ID"):
        yield Finding("good", "container", "the image id is unknown", "pass it as REPRO_IMAGE_ID to have it recorded")
    if store.path.is_mount():
        owner = store.path.stat().st_uid
        if owner != os.getuid():
            yield Finding(
                "warning",
                "container",
                f"the store belongs to uid {owner}, runs will belong to uid {os.getuid()}",
                f"on the host: export REPRO_UID={owner} REPRO_GID={store.path.stat().st_gid}",
            )


_EXAMINATIONS: dict[str, Callable[[Store], Iterator[Finding]]] = {
    "engine": _interpreter,
    "container": _container,
    "environments": _environments,
    "unused environments": _unused,
    "threads": _threads,
    "memory": _memory,
    "store": _store,
    "GPU": _gpu,
    "terminal": _terminal,
}
