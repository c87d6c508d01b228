"""Bundles: the same bytes each time, whole when read back, and refused in one line when anything is wrong."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repro.base import yaml_file
from repro.base.errors import InputError, UnusableError
from repro.bundle import export, read
from repro.bundle.archive import zipped
from repro.runs.records import Measurements
from repro.runs.verdict import decide_all, verdict
from repro.runs.view import RunView
from repro.scenario.types import Scenario
from tests.evidence.runs import digest, make_run

Files = dict[str, bytes]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; it must be empty again at the end."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def raw_zip(entries: list[tuple[zipfile.ZipInfo | str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return stream.getvalue()


def resealed(files: Files, **changes: bytes | None) -> Files:
    """`files` with some replaced (None: taken out) and a manifest that fits them again."""
    files = dict(files)
    for name, data in changes.items():
        if data is None:
            files.pop(name)
        else:
            files[name] = data
    manifest = json.loads(files["bundle.json"])
    known = {entry["path"]: entry for entry in manifest["files"]}
    manifest["files"] = [
        {
            **{k: v for k, v in known.get(name, {}).items() if k == "original_sha256" and files[name] is not None},
            "path": name,
            "bytes": len(data),
            "sha256": digest(data),
        }
        for name, data in sorted(files.items())
        if name != "bundle.json"
    ]
    files["bundle.json"] = json.dumps(manifest).encode()
    return files


def path_of(files: Files, end: str) -> str:
    return next(name for name in sorted(files) if name.endswith("/" + end))


def edited(files: Files, end: str, change: Callable[[Any], Any]) -> Files:
    """A bundle in which one JSON file was changed, and the manifest made to fit."""
    name = path_of(files, end)
    data = json.loads(files[name])
    data = change(data) or data
    return resealed(files, **{name: json.dumps(data).encode()})


def replaced(files: Files, end: str, data: bytes) -> Files:
    return resealed(files, **{path_of(files, end): data})


def manifest_with(files: Files, **changes: Any) -> Files:
    return {**files, "bundle.json": json.dumps({**json.loads(files["bundle.json"]), **changes}).encode()}


def claims_failed(result: dict[str, Any]) -> None:
    result["claims"][0]["outcome"] = "failed"


def verdict_changed(result: dict[str, Any]) -> None:
    result["verdict"] = "NOT_REPRODUCED"


def loss_dict(result: dict[str, Any]) -> None:
    result["measurements"]["fit"]["loss"] = {"a": [1]}


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("runs/link")
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info


def named(files: Files, name: str) -> bytes:
    return raw_zip([*files.items(), (name, b"x")])


def huge_array(files: Files) -> Files:
    stream = io.BytesIO()
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 9), }"
    stream.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n")
    return replaced(files, "arrays/images.npy", stream.getvalue())


def object_array(files: Files) -> Files:
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return replaced(files, "arrays/images.npy", stream.getvalue())


HOSTILE: dict[str, Callable[[Files], bytes | Files]] = {
    "empty": lambda files: b"",
    "not a zip": lambda files: b"%PDF-1.4 hello" * 100,
    "truncated": lambda files: zipped(files)[:-1000],
    "half": lambda files: zipped(files)[: len(zipped(files)) // 2],
    "a byte flipped": lambda files: flipped(zipped(files)),
    "zip slip": lambda files: named(files, "../../evil"),
    "zip slip inside": lambda files: named(files, "runs/../../evil"),
    "absolute": lambda files: named(files, "/tmp/evil"),
    "drive": lambda files: named(files, "C:evil"),
    "backslash": lambda files: named(files, "..\\evil"),
    "dot": lambda files: named(files, "runs/./x"),
    "empty part": lambda files: named(files, "runs//x"),
    "folder entry": lambda files: named(files, "runs/extra/"),
    "long name": lambda files: named(files, "a" * 3000),
    "escape in a name": lambda files: named(files, "runs/\x1b[2J\x1b]0;owned\x07"),
    "html in a name": lambda files: named(files, "<img src=x onerror=alert(1)>"),
    "NUL in a name": lambda files: named(files, "runs/a").replace(b"runs/a", b"runs/\0"),
    "reserved name": lambda files: named(files, "runs/NUL.txt"),
    "right-to-left name": lambda files: named(files, "runs/\u202egnp.exe"),
    "link": lambda files: raw_zip([*files.items(), (link(), b"/etc/passwd")]),
    "not in the manifest": lambda files: named(files, "runs/extra"),
    "name twice": lambda files: duplicate(files),  # noqa: PLW0108  # defined below
    "name twice by case": lambda files: named(files, "readme.md"),
    "file and folder": lambda files: named(files, "README.md/x"),
    "lying about its size": lambda files: lying(files),  # noqa: PLW0108  # defined below
    "bomb": lambda files: bomb(files),  # noqa: PLW0108  # defined below
    "many entries": lambda files: many_entries(),
    "zip64": lambda files: zip64(zipped(files)),  # defined below
    "zip64 with the longest comment": lambda files: zip64(zipped(files), b"x" * 65535),
    "wrong hash": lambda files: {**files, "README.md": b"X" + files["README.md"][1:]},
    "wrong size": lambda files: {**files, "README.md": files["README.md"] + b"x"},
    "file missing": lambda files: {name: data for name, data in files.items() if name != "README.md"},
    "no manifest": lambda files: {name: data for name, data in files.items() if name != "bundle.json"},
    "newer format": lambda files: manifest_with(files, format=3),
    "format zero point five": lambda files: manifest_with(files, format=0.5),
    "manifest not JSON": lambda files: {**files, "bundle.json": b"{"},
    "manifest deep": lambda files: {**files, "bundle.json": b"[" * 100_000},
    "manifest huge number": lambda files: {**files, "bundle.json": b'{"format": ' + b"9" * 5000 + b"}"},
    "manifest big float": lambda files: {**files, "bundle.json": b'{"format": 1e999}'},
    "manifest no runs": lambda files: manifest_with(files, runs=[]),
    "manifest not UTF-8": lambda files: {**files, "bundle.json": b'{"format": 1, "program": "\xff"}'},
    "run twice": lambda files: manifest_with(files, runs=json.loads(files["bundle.json"])["runs"] * 2),
    "run id with a path": lambda files: manifest_with(
        files, runs=[{**json.loads(files["bundle.json"])["runs"][0], "id": "../../x"}]
    ),
    "run.json newer": lambda files: edited(files, "run.json", lambda run: run.update(format=2)),
    "run.json of another run": lambda files: edited(files, "run.json", lambda run: run.update(id=run["id"][:-1] + "x")),
    "run.json not JSON": lambda files: replaced(files, "run.json", b"\x00" * 100),
    "run.json huge seed": lambda files: replaced(
        files, "run.json", files[path_of(files, "run.json")].replace(b'"seed": 0', b'"seed": ' + b"9" * 4000)
    ),
    "result.json not JSON": lambda files: replaced(files, "result.json", b"nope"),
    "a loss that its log does not know": lambda files: edited(
        files, "result.json", lambda result: result["measurements"]["fit"].update(loss=[1.0] * 5)
    ),
    "weights that its log does not know": lambda files: edited(
        files, "result.json", lambda result: result["measurements"].update(weights_sha256="0" * 64)
    ),
    "claims that do not follow": lambda files: edited(files, "result.json", claims_failed),
    "verdict that does not follow": lambda files: edited(files, "result.json", verdict_changed),
    "measurements of a wrong shape": lambda files: edited(files, "result.json", loss_dict),
    "another scenario": lambda files: replaced(
        files, "scenario.yaml", files[path_of(files, "scenario.yaml")].replace(b"epochs: 5", b"epochs: 999")
    ),
    "scenario not YAML": lambda files: replaced(files, "scenario.yaml", b"a: [1"),
    "scenario with a tag": lambda files: replaced(files, "scenario.yaml", b"!!python/object:os.system {}"),
    "events not JSON": lambda files: replaced(files, "events.jsonl", b"hello\n"),
    "events of no kind": lambda files: replaced(files, "events.jsonl", b'{"event": "pwned"}\n'),
    "environment not JSON": lambda files: replaced(files, "environment.json", b"[1, 2]"),
    "environment deep": lambda files: replaced(
        files, "environment.json", b'{"format": 1, "facts": {"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}"
    ),
    "images of another run": lambda files: replaced(files, "arrays/images.npy", flipped(images(files), -10)),
    "images truncated": lambda files: replaced(files, "arrays/images.npy", images(files)[:500]),
    "images with a huge header": huge_array,
    "images that are objects": object_array,
}


def images(files: Files) -> bytes:
    return files[path_of(files, "arrays/images.npy")]


def flipped(data: bytes, at: int | None = None) -> bytes:
    at = len(data) // 2 if at is None else at
    changed = bytearray(data)
    changed[at] ^= 0xFF
    return bytes(changed)


def duplicate(files: Files) -> bytes:
    stream = io.BytesIO(zipped(files))
    with pytest.warns(UserWarning), zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("README.md", b"another")
    return stream.getvalue()


def bomb(files: Files) -> bytes:
    """Three entries that say they unpack to 256 MiB each."""
    return patched(raw_zip([*files.items(), *[(f"runs/bomb{index}", b"0") for index in range(3)]]), b"runs/bomb", 2**28)


def lying(files: Files) -> bytes:
    """An entry that holds 20 MiB and says it is 10 bytes long."""
    made = resealed({**files, "README.md": bytes(10)})
    data = raw_zip([(name, bytes(20 << 20) if name == "README.md" else made[name]) for name in made])
    return patched(data, b"README.md", 10)


def patched(data: bytes, name: bytes, size: int) -> bytes:
    """`data` with another unpacked size in the list of entries for names that begin with `name`."""
    changed = bytearray(data)
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        if data[at + 46 :].startswith(name):
            struct.pack_into("<L", changed, at + 24, size)
    return bytes(changed)


def many_entries() -> bytes:
    """An archive whose end says 60,000 entries; a list of them is not even needed."""
    return b"PK\x03\x04" + bytes(100) + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, 3_000_000, 0, 0)


def zip64(data: bytes, comment: bytes = b"") -> bytes:
    """`data` with a zip64 record that lists its entries, and an end record that says there is one."""
    *_, entries, list_bytes, list_offset, _ = struct.unpack("<4s4H2LH", data[-22:])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, list_bytes, list_offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(data) - 22, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46, 0, len(comment))
    return data[:-22] + record + locator + end + comment


def test_a_zip64_record_is_not_followed(good_files: Files, tmp_path: Path, command: Any) -> None:
    """Its number of entries is the one that zipfile believes, and has no limit."""
    target = tmp_path / "b.zip"
    target.write_bytes(zip64(zipped(good_files)))
    assert len(zipfile.ZipFile(target).namelist()) == len(good_files)
    code, _, err = command("verify", target, "--no-run")
    assert code == 2 and err == f"repro: {target}: a zip64 file: a bundle is small\n"


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_bundles_are_refused_in_one_line(
    kind: str, good_files: Files, tmp_path: Path, scratch: Path, command: Any
) -> None:
    made = HOSTILE[kind](good_files)
    target = tmp_path / "bad.zip"
    target.write_bytes(made if isinstance(made, bytes) else zipped(made))
    before = sorted(path for path in tmp_path.rglob("*"))
    for arguments in (("verify", target, "--no-run"), ("verify", target), ("compare", target, target)):
        code, out, err = command(*arguments)
        assert (code, out) == (2, ""), err
        assert err.startswith("repro: ") and err.count("\n") == 1
        assert err.rstrip("\n").isprintable()
        assert "defect" not in err
    assert sorted(path for path in tmp_path.rglob("*")) == before


def set_to(group: str, **figures: Any) -> Callable[[dict[str, Any]], None]:
    return lambda result: result["measurements"][group].update(figures)


@pytest.mark.parametrize(
    ("change", "figure"),
    [
        (set_to("predict", distinct_classes=3), "predict.distinct_classes"),
        (set_to("predict", probabilities=[[0.2, 0.6, 0.2]] * 3), "predict.probabilities"),
        (set_to("batch_norm", updates=5000), "batch_norm.updates"),
        (set_to("batch_norm", momentum=0.5), "batch_norm.momentum"),
        (set_to("batch_norm", initial_weight=0.0), "batch_norm.initial_weight"),
        (set_to("batch_norm", moving_to_batch_distance=0.0), "batch_norm.moving_to_batch_distance"),
        (lambda result: result["measurements"].pop("evaluate"), "evaluate.loss"),
        (lambda result: result["measurements"].update(validation={"loss": 0.0, "accuracy": 1.0}), "validation.loss"),
    ],
)
def test_a_figure_that_the_log_does_not_know_is_refused_with_the_verdict_that_follows_from_it(
    change: Callable[[dict[str, Any]], None], figure: str, good_files: Files, tmp_path: Path, command: Any
) -> None:
    scenario = yaml_file.Document("s.yaml", good_files[path_of(good_files, "scenario.yaml")].decode()).convert(Scenario)

    def consistent(result: dict[str, Any]) -> None:
        change(result)
        claims = decide_all(scenario, msgspec.convert(result["measurements"], Measurements), result["environment"])
        result.update(claims=msgspec.to_builtins(claims), verdict=verdict(claims))

    files = edited(good_files, "result.json", consistent)
    (entry,) = json.loads(files["bundle.json"])["runs"]
    entry["verdict"] = json.loads(files[path_of(files, "result.json")])["verdict"]
    target = tmp_path / "b.zip"
    target.write_bytes(zipped(manifest_with(files, runs=[entry])))
    code, out, err = command("verify", target, "--no-run")
    assert (code, out) == (2, "") and f": {figure} is not what its events.jsonl says" in err


def test_what_a_claim_says_it_measured_is_what_was_measured(good_files: Files, tmp_path: Path, command: Any) -> None:
    target = tmp_path / "b.zip"
    target.write_bytes(
        zipped(edited(good_files, "result.json", lambda result: result["claims"][0].update(measured=0.5)))
    )
    code, _, err = command("verify", target, "--no-run")
    assert code == 2 and "its claims do not follow from its measurements" in err


def test_a_figure_of_a_later_version_is_let_pass(good_files: Files, tmp_path: Path, command: Any) -> None:
    def later(result: dict[str, Any]) -> None:
        result["measurements"]["predict"]["entropy"] = 0.5
        result["measurements"]["calibration"] = {"error": 0.1}

    target = tmp_path / "b.zip"
    target.write_bytes(zipped(edited(good_files, "result.json", later)))
    assert command("verify", target, "--no-run")[0] == 0


def test_a_hundred_thousand_entries(tmp_path: Path, scratch: Path, command: Any) -> None:
    target = tmp_path / "many.zip"
    entry = struct.Struct("<4s6H3L5H2L")
    listed = b"".join(
        entry.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0) + b"%06d" % index
        for index in range(100_000)
    )
    target.write_bytes(listed + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(listed), 0, 0))
    code, _, err = command("verify", target, "--no-run")
    assert code == 2 and "10000 entries" in err


@pytest.mark.parametrize("target", ["/nonexistent.zip", "/dev/zero.zip/", ".", "/dev/null"])
def test_what_is_no_file(target: str, command: Any) -> None:
    code, out, err = command("verify", target)
    assert code == 2 and not out and err.count("\n") == 1


def test_a_good_bundle(good_files: Files, tmp_path: Path, scratch: Path, command: Any) -> None:
    target = tmp_path / "good.zip"
    target.write_bytes(zipped(good_files))
    code, out, _ = command("verify", target, "--no-run", "--json")
    found = json.loads(out)
    assert (code, found["format"], found["manifest"], found["runs"][0]["grade"]) == (0, 1, "whole", None)


def test_the_same_run_gives_the_same_bytes(store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = make_run(store)
    first = zipped(export.collect([run]).files)
    monkeypatch.chdir(tmp_path)
    os.utime(run.run.file("run.json"), (1, 1))
    time.sleep(0.01)
    assert zipped(export.collect([RunView(run.run)]).files) == first


def test_the_manifest_lists_every_file_as_stored(good_files: Files) -> None:
    manifest = json.loads(good_files["bundle.json"])
    assert {entry["path"]: entry["sha256"] for entry in manifest["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in good_files.items() if name != "bundle.json"
    }


def test_originals_are_named_where_something_was_replaced(store: Path) -> None:
    def environment(record: dict[str, Any]) -> None:
        record["facts"]["variables"]["KERAS_HOME"] = "/srv/people/anna/x"

    run = make_run(store, environment=environment)
    contents = export.collect([run])
    assert contents.manifest is not None
    entry = next(entry for entry in contents.manifest.files if entry.path.endswith("environment.json"))
    assert entry.original_sha256 == digest(run.run.file("environment.json").read_bytes()) != entry.sha256


def test_export_writes_and_says_so(run: RunView, tmp_path: Path, command: Any, scratch: Path) -> None:
    target = tmp_path / "out.zip"
    code, out, err = command("export", "last", "-o", target, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["sha256"] == digest(target.read_bytes()) and found["bytes"] == target.stat().st_size
    with read.opened(target) as bundle:
        assert [one.id for one in bundle.runs] == [run.id]


def test_preview_writes_nothing(run: RunView, tmp_path: Path, command: Any, scratch: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = command("export", "last", "--preview", "-o", tmp_path / "x.zip")
    assert code == 0 and "bundle.json" in out and "bytes" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_no_images(run: RunView, command: Any, tmp_path: Path, scratch: Path) -> None:
    target = tmp_path / "out.zip"
    assert command("export", "last", "-o", target, "--no-images")[0] == 0
    with zipfile.ZipFile(target) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".png", "images.npy"))]
    code, _, err = command("verify", target)
    assert code == 2 and "--images DIR" in err


def test_export_over_an_existing_file_is_refused(run: RunView, tmp_path: Path, command: Any) -> None:
    target = tmp_path / "out.zip"
    target.write_bytes(b"mine")
    code, _, err = command("export", "last", "-o", target)
    assert code == 2 and "is there already" in err and target.read_bytes() == b"mine"
    target.unlink()
    target.symlink_to(tmp_path / "elsewhere")
    assert command("export", "last", "-o", target)[0] == 2


@pytest.mark.parametrize("name", ["bundle.json\n", "runs\n/x", "../x", "a//b", "con", "x."])
def test_names_of_members_are_plain(name: str) -> None:
    read.check_name(Path("b.zip"), "runs/x/bundle.json")
    with pytest.raises(InputError, match="is not allowed"):
        read.check_name(Path("b.zip"), name)


@pytest.mark.parametrize("too_many", ["runs", "files"])
def test_nothing_is_written_that_no_reader_takes(good_files: Files, tmp_path: Path, too_many: str) -> None:
    manifest = json.loads(good_files["bundle.json"])
    manifest[too_many] = manifest[too_many] * (501 if too_many == "runs" else 10_001)
    contents = export.Contents({**good_files, "bundle.json": json.dumps(manifest).encode()})
    with pytest.raises(InputError, match="larger than a reader accepts: export fewer runs"):
        export.write(contents, tmp_path / "b.zip")
    assert not [*tmp_path.iterdir()]


def test_export_to_a_full_disk_leaves_nothing(run: RunView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    contents = export.collect([run])
    monkeypatch.setattr(os, "fsync", full)
    folder = tmp_path / "full"
    folder.mkdir()
    with pytest.raises(UnusableError, match="No space left"):
        export.write(contents, folder / "out.zip")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("export",),
        ("export", "last"),
        ("export", "nonexistent", "-o", "x.zip"),
        ("export", "last", "-o", "x.zip", "--no-images", "--with-images"),
        ("export", "last", "-o", "nowhere/at/all/x.zip"),
        ("export", "last", "-o", "x.tar"),
        ("compare",),
        ("compare", "last"),
        ("compare", "last", "./none.zip"),
        ("verify",),
    ],
)
def test_bad_options(arguments: tuple[str, ...], run: RunView, command: Any, tmp_path: Path) -> None:
    code, out, err = command(*arguments)
    assert code == 2 and not out and err.count("\n") == 1


def test_a_running_run_is_not_exported(run: RunView) -> None:
    run.run.file("result.json").unlink()
    with run.run.acquire(), pytest.raises(InputError, match="is running"):
        export.collect([RunView(run.run)])


def test_a_run_that_broke_off_is_exported_as_far_as_it_goes(store: Path, tmp_path: Path) -> None:
    run = make_run(store, finished=False)
    run.run.file("environment.json").unlink()
    run.run.file("worker.log").unlink()
    events = run.run.file("events.jsonl")
    events.write_bytes(events.read_bytes().split(b"\n")[0] + b'\n{"event":"stage_st')
    contents = export.collect([RunView(run.run)])
    export.write(contents, tmp_path / "b.zip")
    assert b"interrupted" in contents.files["README.md"]
    with read.opened(tmp_path / "b.zip") as bundle:
        assert bundle.manifest.runs[0].state == "interrupted"
        assert bundle.runs[0].measurements["fit"] == {"loss": [], "accuracy": []}


def test_a_damaged_run_is_one_line(run: RunView, command: Any) -> None:
    run.run.file("environment.json").write_bytes(b"{")
    code, _, err = command("export", "last", "--preview")
    assert code == 2 and err.count("\n") == 1


def test_a_run_that_is_not_as_it_was_left_is_not_exported(store: Path, command: Any) -> None:
    run = make_run(store, log="loaded /home/qarnavel/thing\n", run=lambda data: data["command"].append("mine"))
    target = store.parent / "again.zip"
    first = store.parent / "first.zip"
    assert command("export", run.id, "-o", first)[0] == 0
    with zipfile.ZipFile(first) as archive:
        archive.extractall(store.parent / "unpacked")
    unpacked = store.parent / "unpacked" / "runs"
    code, out, err = command("--store", unpacked, "export", run.id, "-o", target)
    assert (code, out) == (2, "") and "is not as the run left it" in err and "pass on the bundle" in err, err
    assert not target.exists() and err.count("\n") == 1


def test_html_in_texts_is_escaped(store: Path) -> None:
    evil = "<script>alert(1)</script><img src=http://x/y>"

    def scenario(text: str) -> str:
        return text.replace("title: 100 % in fit", f"title: '{evil} 100 % in fit").replace(
            "same three images\n", "same'\n"
        )

    files = export.collect([make_run(store, scenario=scenario)]).files
    page = files["report.html"].decode()
    assert "<script" not in page and "<img src=http" not in page and "&lt;script&gt;" in page
    assert "<script" not in files["README.md"].decode()


def test_the_page_asks_for_nothing(good_files: Files) -> None:
    page = good_files["report.html"].decode()
    assert "default-src 'none'" in page and "<script" not in page
    assert not [word for word in ("http://", "https://", "url(", "@import", "<link") if word in page]


def test_a_1000_epoch_run_is_small(store: Path, tmp_path: Path) -> None:
    events = [
        {"event": "epoch_finished", "time": 0.0, "epoch": epoch, "loss": 1.0 / epoch, "accuracy": 1.0, "seconds": 0.5}
        for epoch in range(6, 1001)
    ]
    ended = {"event": "run_ended", "time": 0.0, "state": "stopped", "reason": "stopped", "exit_code": 4}
    run = make_run(store, more_events=[*events, ended], finished=False)
    for name in ("moving", "batch"):
        for epoch in (100, 200, 1000):
            np.save(run.run.file(f"arrays/{name}-statistics-{epoch:07d}.npy"), np.random.rand(53120).astype("f4"))
    export.write(export.collect([run]), tmp_path / "x.zip")
    assert (tmp_path / "x.zip").stat().st_size < 5_000_000


class Good:
    """A good bundle's files and bytes, behind a short repr (Hypothesis prints arguments)."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.zipped = zipped(files)

    def __repr__(self) -> str:
        return "Good()"


@pytest.fixture(scope="session")
def good(good_files: Files) -> Good:
    return Good(good_files)


PIECES = st.binary(max_size=8) | st.sampled_from(
    [b"null", b"1e999", b"-1", b"9" * 400, b"[]", b"{}", b'""', b"\xff", b"NaN", b"true", b"\x1b[2J"]
)
EDITS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 6), PIECES), min_size=1, max_size=3)
TEXTS = ("run.json", "result.json", "environment.json", "events.jsonl", "scenario.yaml", "bundle.json")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(end=st.sampled_from(TEXTS), edits=EDITS)
def test_never_a_traceback_whatever_a_member_holds(
    end: str, edits: list[tuple[int, int, bytes]], good: Good, tmp_path: Path
) -> None:
    """A member changed anywhere, under a manifest that fits it again: InputError or a good bundle."""
    good_files = good.files
    name = end if end == "bundle.json" else path_of(good_files, end)
    content = bytearray(good_files[name])
    for at, length, new in edits:
        at %= len(content) + 1
        content[at : at + length] = new
    changed = {**good_files, name: bytes(content)}
    made = changed if name == "bundle.json" else resealed(changed)
    read_all(tmp_path / "any.zip", zipped(made))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(near_end=st.booleans(), edits=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1))
def test_never_a_traceback_whatever_the_archive_holds(
    near_end: bool, edits: list[tuple[int, int]], good: Good, tmp_path: Path
) -> None:
    content = bytearray(good.zipped)
    for at, value in edits:
        content[-1 - at % 3000 if near_end else at % len(content)] = value
    read_all(tmp_path / "any.zip", bytes(content))


def read_all(target: Path, content: bytes) -> None:
    target.write_bytes(content)
    try:
        with read.opened(target) as bundle:
            for run in bundle.runs:
                _ = run.measurements, run.facts_record
    except InputError as error:
        assert str(error).count("\n") == 0


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_never_a_traceback_for_any_file(content: bytes, tmp_path: Path) -> None:
    target = tmp_path / "any.zip"
    target.write_bytes(content)
    with pytest.raises(InputError), read.opened(target):
        pass
