"""The image itself: labels, size, what is in it and what is not."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import IMAGE, docker
from tests.support.paths import ROOT

pytestmark = [pytest.mark.container, pytest.mark.timeout(900)]

CONFINED = (
    *("--rm", "--init", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--user", "54321:54321"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)

LEGACY = ("--env", "LD_LIBRARY_PATH=/opt/keras-2.0.9/lib")


def inside(*command: str, check: bool = True, options: tuple[str, ...] = ()) -> str:
    """Standard output of a program in the confined image."""
    return docker("run", *CONFINED, *options, "--entrypoint", command[0], IMAGE, *command[1:], check=check).stdout


def test_labels_and_the_image_record_name_the_locks(image: dict[str, Any]) -> None:
    record = json.loads(inside("cat", "/opt/repro/image.json"))
    labels = image["Config"]["Labels"]
    assert record["labels"].items() <= labels.items()
    for field in ("title", "source", "revision", "version", "licenses", "base.name"):
        assert labels[f"org.opencontainers.image.{field}"]
    for name in ("keras-3", "keras-2.0.9"):
        lock = hashlib.sha256((ROOT / "environments" / name / "requirements.lock").read_bytes()).hexdigest()
        assert record["locks"][name] == labels[f"repro.lock.{name}"] == lock


def test_settings_of_the_image(image: dict[str, Any]) -> None:
    variables = dict(line.split("=", 1) for line in image["Config"]["Env"])
    assert image["Config"]["User"] == "1000:1000"
    assert variables.items() >= {"LANG": "C.UTF-8", "COLORTERM": "truecolor", "PYTHONUTF8": "1"}.items()
    assert (image["Os"], image["Architecture"]) == ("linux", "amd64")


def test_size_is_at_most_2_1_gb(image: dict[str, Any]) -> None:
    assert image["Size"] <= 2.1e9


LEFT_OVERS = """
find / -xdev -type f -perm /6000
command -v gcc cc g++ make ld
ls -A ~root/.cache /var/cache/pip /build 2>/dev/null
ls /var/cache/apt/archives/*.deb 2>/dev/null
true
"""


def test_no_setuid_program_no_compiler_no_cache_is_left(image: dict[str, Any]) -> None:
    as_root = ("--rm", "--network", "none", "--user", "0", "--entrypoint", "sh")
    assert docker("run", *as_root, IMAGE, "-c", LEFT_OVERS).stdout == ""


FOUND = r"""
find / -xdev -type f -perm /6000
find / -xdev -perm -0002 ! -type l ! -path '/tmp*' ! -path '/proc/*' ! -path '/dev/*' ! -path '/sys/*'
find / -xdev '(' -name .git -o -name .pytest_cache -o -name .hypothesis -o -name .netrc -o -name pip.conf ')'
find /opt/repro/lib/python3.12/site-packages/repro /opt/repro/lib/python3.12/site-packages/tui -name 'test_*'
ls -d /build /src /package 2>/dev/null
ls -A /home /var/lib/apt/lists 2>/dev/null | grep -v -x -e lock -e partial -e '.*:'
true
"""
# Sticky, and on a root file system that is mounted read-only; the store is a mount.
MAY_BE_WRITTEN = ["/run/lock", "/runs", "/var/tmp"]


def test_scan_finds_no_setuid_file_no_writable_path_no_leftover(image: dict[str, Any]) -> None:
    as_root = ("--rm", "--network", "none", "--user", "0", "--entrypoint", "sh")
    found = [line for line in docker("run", *as_root, IMAGE, "-c", FOUND).stdout.splitlines() if line.strip(":/")]
    assert sorted(found) == MAY_BE_WRITTEN


NOTHING_ELSE = """
import os, socket, subprocess
assert os.getuid() == 12345 and os.getgid() == 12345
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
    assert int(status[name], 16) == 0, (name, status[name])
assert status["NoNewPrivs"].strip() == "1"
assert os.listdir("/sys/class/net") == ["lo"]
for place in ("/", "/opt/repro", "/usr/local", "/var/tmp", "/run/lock", "/runs", "/etc", "/home"):
    try:
        open(os.path.join(place, "x"), "w")
    except OSError as error:
        print(place, error.errno)
    else:
        raise SystemExit(place + " can be written")
open("/tmp/x", "w").close()
for command in (["list"], ["doctor"], ["check", "original-bug"]):
    done = subprocess.run(["/opt/repro/bin/repro", *command], capture_output=True, text=True)
    assert done.returncode in (0, 3) and "defect" not in done.stderr, done.stderr
"""


def test_any_uid_without_rights_network_or_a_place_to_write(image: dict[str, Any]) -> None:
    as_somebody = [word if word != "54321:54321" else "12345:12345" for word in CONFINED]
    entry = ("--entrypoint", "/opt/repro/bin/python")
    said = docker("run", *as_somebody, *entry, IMAGE, "-c", NOTHING_ELSE).stdout
    assert len(said.splitlines()) == 8


LIBRARIES = r"""
import os, re, subprocess
prefix = "/opt/keras-2.0.9"
system = r"(ld-linux-x86-64|lib(c|m|dl|pthread|rt|util|resolv|anl|mvec|nss_[a-z]+))\.so\.\d+|libnsl\.so\.1"
glibc = re.compile("^(" + system + ")$")
checked = 0
for folder, _, names in os.walk(prefix):
    for name in names:
        path = os.path.join(folder, name)
        if os.path.islink(path) or open(path, "rb").read(4) != b"\x7fELF":
            continue
        checked += 1
        # A library that a wheel bundles is found through its loader's rpath: in its own folder.
        variables = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": prefix + "/lib:" + folder}
        text = subprocess.run(["ldd", path], env=variables, capture_output=True, text=True).stdout
        for line in text.splitlines():
            found = re.match(r"\s*(\S+) => (.*?)( \(0x.*)?$", line)
            if found and not glibc.match(os.path.basename(found[1])):
                if not os.path.realpath(found[2]).startswith(prefix + "/lib/"):
                    print(path, found[1], found[2])
print(checked)
"""


def test_every_library_of_the_legacy_python_outside_glibc_is_its_own(image: dict[str, Any]) -> None:
    *strays, checked = inside("/opt/repro/bin/python", "-c", LIBRARIES).splitlines()
    assert strays == []
    assert int(checked) > 200


def test_installations_are_as_locked(image: dict[str, Any]) -> None:
    done = docker("run", *CONFINED, IMAGE, "environment", "check", "keras-3", "tf-keras", "keras-2.0.9")
    assert "drift" not in done.stdout


LOADED = """
import ctypes, os, sys, tensorflow
checked = 0
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        if ".so" not in name or os.path.islink(path):
            continue
        checked += 1
        process = os.fork()
        if process == 0:
            try:
                ctypes.CDLL(path)
            except OSError as error:
                # Some of the wheels' libraries load only behind another one, trimmed or not.
                if "undefined symbol" not in str(error):
                    print(error, flush=True)
            os._exit(0)
        os.waitpid(process, 0)
print(checked)
"""


def test_trimmed_libraries_still_load(image: dict[str, Any]) -> None:
    for name, options in (("keras-3", ()), ("keras-2.0.9", LEGACY)):
        prefix = f"/opt/{name}"
        *failed, checked = inside(f"{prefix}/bin/python", "-c", LOADED, prefix, options=options).splitlines()
        assert failed == []
        assert int(checked) > 100


def test_standard_library_of_the_legacy_python_is_whole(image: dict[str, Any]) -> None:
    modules = "import ssl, sqlite3, ctypes, lzma, bz2, readline, curses, hashlib; print(ssl.OPENSSL_VERSION)"
    assert "OpenSSL" in inside("/opt/keras-2.0.9/bin/python", "-c", modules, options=LEGACY)


COMPILED = """
import h5py, keras, tf_keras, tensorflow as tf
f = tf.function(lambda x: tf.linalg.inv(tf.tanh(x) + 2 * tf.eye(3)), jit_compile=True)
print(float(tf.reduce_sum(f(tf.ones((3, 3))))) > 0, tf.sysconfig.get_build_info()["is_cuda_build"])
"""


def test_xla_compiles_without_the_headers(image: dict[str, Any]) -> None:
    assert inside("/opt/keras-3/bin/python", "-c", COMPILED).split() == ["True", "False"]


UNCOMPILED = """
import os, sys; import {}
for name, module in sorted(sys.modules.items()):
    cached, file = getattr(module, "__cached__", None), getattr(module, "__file__", None)
    if cached and file and file.endswith(".py") and not os.path.exists(cached):
        print(name)
"""


def test_nothing_is_compiled_anew_at_each_start(image: dict[str, Any]) -> None:
    """The root file system is read-only, so bytecode that is missing costs at every start."""
    engine = UNCOMPILED.format("repro.cli.run, repro.cli.runs, textual.app")
    assert inside("/opt/repro/bin/python", "-c", engine) == ""
    assert inside("/opt/keras-3/bin/python", "-c", UNCOMPILED.format("keras")) == ""
    assert inside("/opt/keras-2.0.9/bin/python", "-c", UNCOMPILED.format("tensorflow"), options=LEGACY) == ""


def test_build_after_a_change_of_source_holds_the_change(image: dict[str, Any], tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: what belongs to the source is not known")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    with (tmp_path / "repro" / "runs" / "verdict.py").open("a") as source:
        source.write(f"\nCHANGED = {time.time()}\n")
    docker("build", "--quiet", "--tag", "repro:changed", str(tmp_path))
    assert "CHANGED" in docker(
        "run", *CONFINED, "--entrypoint", "/opt/repro/bin/python", "repro:changed",
        "-c", "import repro.runs.verdict as m; print(dir(m))",
    ).stdout  # fmt: skip
    docker("image", "rm", "repro:changed", check=False)
