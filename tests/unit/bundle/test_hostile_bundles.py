"""Bundles that are whole when read back, and refused in one line when anything is wrong."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from repro.base import yaml_file
from repro.base.errors import InputError
from repro.bundle import read
from repro.bundle.archive import zipped
from repro.runs.records import Measurements
from repro.runs.verdict import decide_all, verdict
from repro.scenario.types import Scenario
from tests.support.bundles import Files, edited, manifest_with, path_of, raw_zip, replaced, resealed
from tests.support.command_line import Repro


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


def test_a_zip64_record_is_not_followed(good_files: Files, tmp_path: Path, repro: Repro) -> None:
    """Its number of entries is the one that zipfile believes, and has no limit."""
    target = tmp_path / "b.zip"
    target.write_bytes(zip64(zipped(good_files)))
    assert len(zipfile.ZipFile(target).namelist()) == len(good_files)
    code, _, err = repro("verify", target, "--no-run")
    assert code == 2 and err == f"repro: {target}: a zip64 file: a bundle is small\n"


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_bundles_are_refused_in_one_line(
    kind: str, good_files: Files, tmp_path: Path, scratch: Path, repro: Repro
) -> None:
    made = HOSTILE[kind](good_files)
    target = tmp_path / "bad.zip"
    target.write_bytes(made if isinstance(made, bytes) else zipped(made))
    before = sorted(path for path in tmp_path.rglob("*"))
    for arguments in (("verify", target, "--no-run"), ("verify", target), ("compare", target, target)):
        code, out, err = repro(*arguments)
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
    change: Callable[[dict[str, Any]], None], figure: str, good_files: Files, tmp_path: Path, repro: Repro
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
    code, out, err = repro("verify", target, "--no-run")
    assert (code, out) == (2, "") and f": {figure} is not what its events.jsonl says" in err


def test_what_a_claim_says_it_measured_is_what_was_measured(good_files: Files, tmp_path: Path, repro: Repro) -> None:
    target = tmp_path / "b.zip"
    target.write_bytes(
        zipped(edited(good_files, "result.json", lambda result: result["claims"][0].update(measured=0.5)))
    )
    code, _, err = repro("verify", target, "--no-run")
    assert code == 2 and "its claims do not follow from its measurements" in err


def test_a_figure_of_a_later_version_is_let_pass(good_files: Files, tmp_path: Path, repro: Repro) -> None:
    def later(result: dict[str, Any]) -> None:
        result["measurements"]["predict"]["entropy"] = 0.5
        result["measurements"]["calibration"] = {"error": 0.1}

    target = tmp_path / "b.zip"
    target.write_bytes(zipped(edited(good_files, "result.json", later)))
    assert repro("verify", target, "--no-run")[0] == 0


def test_a_hundred_thousand_entries(tmp_path: Path, scratch: Path, repro: Repro) -> None:
    target = tmp_path / "many.zip"
    entry = struct.Struct("<4s6H3L5H2L")
    listed = b"".join(
        entry.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0) + b"%06d" % index
        for index in range(100_000)
    )
    target.write_bytes(listed + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(listed), 0, 0))
    code, _, err = repro("verify", target, "--no-run")
    assert code == 2 and "10000 entries" in err


@pytest.mark.parametrize("target", ["/nonexistent.zip", "/dev/zero.zip/", ".", "/dev/null"])
def test_what_is_no_file(target: str, repro: Repro) -> None:
    code, out, err = repro("verify", target)
    assert code == 2 and not out and err.count("\n") == 1


def test_a_good_bundle(good_files: Files, tmp_path: Path, scratch: Path, repro: Repro) -> None:
    target = tmp_path / "good.zip"
    target.write_bytes(zipped(good_files))
    code, out, _ = repro("verify", target, "--no-run", "--json")
    found = json.loads(out)
    assert (code, found["format"], found["manifest"], found["runs"][0]["grade"]) == (0, 1, "whole", None)


@pytest.mark.parametrize("name", ["bundle.json\n", "runs\n/x", "../x", "a//b", "con", "x."])
def test_names_of_members_are_plain(name: str) -> None:
    read.check_name(Path("b.zip"), "runs/x/bundle.json")
    with pytest.raises(InputError, match="is not allowed"):
        read.check_name(Path("b.zip"), name)
