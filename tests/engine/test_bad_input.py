"""Every fault in a scenario, image folder, option or store: one line, its exit code, nothing left in the store."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from repro.base import shipped
from repro.environment import definition
from repro.runs.planning import RunOptions, make_plans
from tests.engine.conftest import SCENARIO, Answer
from tests.support.installations import install_stand_in, write_installation

Repro = Callable[..., Answer]
Edit = Callable[..., Path]


def nothing_in(store: Path) -> bool:
    return not store.exists() or not [entry for entry in store.iterdir() if entry.name != ".trash"]


# -- scenario files ---------------------------------------------------------------------------------------------------

FAULTS = {
    "unknown key": ("group: control", "group: control\nlearning_rate: 1", 5, "unknown key learning_rate"),
    "unknown nested key": ("{epochs: 3}", "{epochs: 3, rate: 1}", 10, "unknown key fit.rate"),
    "duplicate key": ("group: control", "group: control\ngroup: report", 5, "group stands twice (first on line 4)"),
    "duplicate nested key": ("{epochs: 3}", "{epochs: 3, epochs: 4}", 10, "fit.epochs stands twice"),
    "missing key": ("group: control\n", "", 1, "the key group is missing"),
    "wrong type": (
        "{epochs: 3}",
        "{epochs: three}",
        10,
        "got str, found 'three': give a whole number from 1 to 1,000,000",
    ),
    "wrong type, quoted": ("{epochs: 3}", '{epochs: "3"}', 10, "fit.epochs: expected int, got str"),
    "float for int": ("{epochs: 3}", "{epochs: 3.5}", 10, "fit.epochs: expected int, got float"),
    "yes is a string": ("{epochs: 3}", "{epochs: 3, shuffle: yes}", 10, "fit.shuffle: expected bool, got str"),
    "null": ("fit: {epochs: 3}", "fit:", 10, "fit: expected object, got null"),
    "NaN": ("0.99", ".nan", 8, "batch_norm.momentum: .nan is not a finite number"),
    "infinite": ("0.99", "-.inf", 8, "batch_norm.momentum: -.inf is not a finite number"),
    "too large for a float": ("to: 1.0", "to: 1e999", 13, "claims[0].to: 1e999 is not a finite number"),
    "too long for an int": ("{epochs: 3}", f"{{epochs: {'9' * 9000}}}", 10, "fit.epochs: a number with 9000 digits"),
    "too long for a float": ("to: 1.0", f"to: {'9' * 400}", 13, "claims[0].to: a number with 400 digits is too long"),
    "negative epochs": ("{epochs: 3}", "{epochs: -3}", 10, "fit.epochs: expected int >= 1, found -3"),
    "no epochs": ("{epochs: 3}", "{epochs: 0}", 10, "fit.epochs: expected int >= 1, found 0"),
    "momentum 1.5": ("0.99", "1.5", 8, "batch_norm.momentum: expected float <= 1.0, found 1.5"),
    "unknown optimizer": ("adam", "lion", 9, "invalid enum value 'lion': choose from adam, rmsprop, sgd"),
    "not a class name": ("ResNet50", "os.system", 7, "model.application"),
    "a size of three": ("[32, 32]", "[32, 32, 32]", 6, "images.size: expected array of length 2, got 3"),
    "a size of nothing": ("[32, 32]", "[0, 32]", 6, "images.size[0]: expected int >= 1, found 0"),
    "channels": ("channels: 1", "channels: 2", 6, "images.channels: invalid enum value 2"),
    "python tag": ("A small scenario", "!!python/object/apply:os.system ['true']", 3, "the tag"),
    "own tag": ("A small scenario", "!secret x", 3, "the tag !secret is not allowed"),
    "anchor": ("A small scenario", "&a x", 3, "anchors and aliases are not allowed"),
    "alias": ("A small scenario", "*a", 3, "anchors and aliases are not allowed"),
    "syntax": ("[32, 32]", "[32, 32", 6, "not YAML"),
    "tabs": ("group: control", "group:\n\t- control", 5, "not YAML"),
    "two documents": ("group: control", "---\ngroup: control", 4, "not YAML"),
    "a key that is no word": ("group: control", "1: control", 4, "a key must be a word"),
    "a key that is a list": ("group: control", "[a, b]: control", 4, "a key must be a word"),
    "merge key": ("group: control", "<<: {group: control}", 4, "unknown key <<"),
    "control character": ("A small scenario", '"\\e[31mred"', 3, "title: holds a control character"),
    "control character in a key": ("group: control", '"\\e[31m": control', 4, "unknown key"),
    "newer format": ("format: 1", "format: 2", 1, "written in format 2: update repro: this one reads 1"),
    "not measured": ("value: fit.accuracy", "value: predict.accuracy", 13, ""),
    "unknown value": ("value: fit.accuracy", "value: fit.speed", 13, "claims[0].value: invalid enum value"),
    "unknown operator": ("is: equal", "is: about", 13, "claims[0].is: invalid enum value"),
    "an expression": ("to: 1.0", "to: 1/3", 13, "batch_norm.updates, evaluate.accuracy"),
    "close without within": ("is: equal", "is: close", 13, "close needs `within`"),
    "within without close": ("to: 1.0", "to: 1.0, within: 0.1", 13, "`within` goes with `close` only"),
    "negative tolerance": ("is: equal, to: 1.0", "is: close, to: 1.0, within: -1", 13, "claims[0].within"),
    "number operator with a name": ("to: 1.0", "to: fit.loss", 13, "equal needs a number"),
    "name operator with a number": ("is: equal", "is: less_than_value", 13, "less_than_value needs the name"),
    "unknown environment": ("to: 1.0", "to: 1.0, only: [keras-9]", 13, "no environment is called 'keras-9'"),
    "two claims of one id": (
        "to: 1.0}\n",
        "to: 1.0}\n  - {id: C1, says: x, value: fit.loss, is: at_most, to: 1}\n",
        14,
        "C1 stands twice",
    ),
    "close to a value without within": (
        "is: equal, to: 1.0",
        "is: close, to: fit.loss",
        13,
        "close needs `within`",
    ),
    "divided by nothing": ("channels: 1", "channels: 1, divide_by: 0", 6, "images.divide_by: expected float >= 1e-06"),
    "negative learning rate": (
        "[acc]}",
        "[acc], learning_rate: -1}",
        9,
        "compile.learning_rate: expected float >= 0.0",
    ),
    "empty batch_norm": ("{momentum: 0.99}", "{}", 8, "batch_norm: says nothing"),
    "unknown replacement": ("momentum: 0.99", "replace_by: layer_norm", 8, "batch_norm.replace_by: invalid enum value"),
    "unknown statistics": ("0.99", "0.99, statistics: best", 8, "batch_norm.statistics: invalid enum value 'best'"),
    "renorm that is a number": ("0.99", "0.99, renorm: 1", 8, "batch_norm.renorm: expected bool, got int"),
    "a momentum for no layer": ("0.99", "0.99, replace_by: none", 8, "batch_norm.momentum: replace_by leaves no"),
    "statistics of no layer": (
        "{momentum: 0.99}",
        "{replace_by: group_norm, statistics: debiased}",
        8,
        "batch_norm.statistics: replace_by leaves no",
    ),
    "a momentum of frozen layers": (
        "0.99",
        "0.99, trainable: false",
        8,
        "batch_norm.momentum: has no effect on frozen",
    ),
    "frozen layers, re-estimated": (
        "momentum: 0.99",
        "trainable: false, statistics: re-estimated",
        8,
        "batch_norm.statistics: frozen layers take no batch statistics",
    ),
    "frozen layers in renorm": (
        "momentum: 0.99",
        "trainable: false, renorm: true",
        8,
        "batch_norm.renorm: has no effect",
    ),
    "frozen and synchronized": (
        "momentum: 0.99",
        "trainable: false, synchronized: true",
        8,
        "batch_norm.synchronized: has no effect",
    ),
    "renorm, debiased": (
        "momentum: 0.99",
        "renorm: true, statistics: debiased",
        8,
        "batch_norm.statistics: renorm averages standard deviations",
    ),
    "momentum 1, debiased": ("0.99", "1.0, statistics: debiased", 8, "batch_norm.statistics: at momentum 1"),
    "measured twice": ("[evaluate, predict,", "[evaluate, evaluate,", 11, "measure[1]: evaluate stands twice"),
    "measured after the end": ("{epochs: 3}", "{epochs: 3}\nmeasure_at: [4]", 11, "measure_at[0]: epoch 4 is after"),
    "images elsewhere": ("directory: images", "directory: ../images", 6, "must stay inside the scenario's folder"),
    "images at the root": ("directory: images", "directory: /etc", 6, "must stay inside the scenario's folder"),
    "convert with three channels": ("channels: 1", "channels: 3, convert: L", 6, "images.convert: L gives one channel"),
    "no model": ("application: ResNet50, ", "", 7, "the key model.application is missing"),
    "two models": ("{application", "{python: m.py, application", 7, "application and python exclude each other"),
    "a function of no file": ("{application", "{function: make, application", 7, "go with python only"),
    "a model elsewhere": ("application: ResNet50", "python: a/../../m.py", 7, "must stay inside the scenario's folder"),
    "a model at the root": (
        "application: ResNet50",
        "python: /m.py",
        7,
        "model.python: '/m.py' is not allowed: give text (Instead",
    ),
    "name that is a path": (
        "name: small",
        "name: ../small",
        2,
        "name: '../small' is not allowed: give text (Lower-case",
    ),
    "name with two dots": (
        "name: small",
        "name: a..b",
        2,
        "digits, single '-' or '.' between them; at most 60 characters",
    ),
    "name with a line feed": ("name: small", 'name: "small\\n"', 2, "name: 'small\\n' is not allowed: give text"),
    "claim with a line feed": ("id: C1", 'id: "C1\\n"', 13, "claims[0].id: 'C1\\n' is not allowed: give text"),
    "own model with a line feed": ("application: ResNet50", 'python: "m.py\\n"', 7, "model.python: 'm.py"),
    "name that is too long": ("name: small", f"name: {'a' * 61}", 2, "name: expected str of length <= 60"),
    "claim that begins with a digit": ("id: C1", "id: 1C", 13, "claims[0].id: '1C' is not allowed: give text (Short"),
    "an own value": ("[32, 32]", "[32, 32, 32]", 6, "got 3: give a list of 2"),
    "an application that is none": (
        "ResNet50",
        "ResNet5000",
        7,
        "no application called ResNet5000: choose from ResNet50",
    ),
    "no images": ("directory: images", "directory: nowhere", 6, "images.directory: there is no folder nowhere beside"),
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("fault", FAULTS)
def test_scenario_faults(repro: Repro, scenario: Edit, store: Path, fault: str, command: str) -> None:
    old, new, line, words = FAULTS[fault]
    file = scenario(old, new)
    if fault == "not measured":
        file.write_text(file.read_text().replace(", predict", ""))
        words = "claims[0].value: predict.accuracy is not measured"
    repro(command, file).refused(2, f"repro: {file}:{line}: ", words)
    assert nothing_in(store)


def test_claims_on_validation_need_validation_images(repro: Repro, scenario: Edit) -> None:
    file = scenario("value: fit.accuracy", "value: validation.accuracy")
    repro("check", file).refused(2, f"{file}:13: ", "claims[0].value: there are no validation images")


def test_claims_on_statistics_that_do_not_move(repro: Repro, scenario: Edit) -> None:
    file = scenario("momentum: 0.99", "trainable: false")
    file.write_text(file.read_text().replace("value: fit.accuracy", "value: batch_norm.updates"))
    repro("check", file).refused(2, f"{file}:13: ", "claims[0].value: batch_norm.updates is not measured")


CANNOT = {
    "renorm": ("renorm: true", "keras-2.0.9", "batch_norm.renorm is not possible in keras-2.0.9"),
    "renorm in tf-keras": ("renorm: true", "tf-keras", "batch_norm.renorm is not possible in tf-keras"),
    "frozen": ("trainable: false", "keras-2.3.1", "goes on normalising with the batch"),
    "synchronized": ("synchronized: true", "tf-2.6", "batch_norm.synchronized is not possible in tf-2.6"),
    "group norm": ("replace_by: group_norm", "tf-2.6", "tf-2.6, which has no GroupNormalization"),
    "debiased twice": ("statistics: debiased", "keras-2.2.4", "zero-debiases its moving statistics"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_environments_that_cannot(repro: Repro, scenario: Edit, store: Path, case: str) -> None:
    setting, environment, words = CANNOT[case]
    repro("run", scenario("momentum: 0.99", setting), "--environment", environment).refused(3, words)
    assert nothing_in(store)


@pytest.mark.parametrize("setting", ["renorm: true", "trainable: false", "replace_by: none", "replace_by: group_norm"])
def test_no_trace_where_momentum_touches_training(repro: Repro, scenario: Edit, store: Path, setting: str) -> None:
    repro("run", scenario("momentum: 0.99", setting), "--trace").refused(
        2, "small cannot be traced", "leave --trace out"
    )
    assert nothing_in(store)


def test_all_leaves_out_what_cannot_be(environments: Path) -> None:
    install_stand_in(environments)
    asked = RunOptions(all_scenarios=True, environments=("keras-3",), trace=True)
    notes: list[str] = []
    planned = [plan.scenario.name for plan in make_plans(asked, command=[], report=notes.append)]
    assert "original-bug" in planned and "precise-bn" in planned
    assert not {"batch-renorm", "frozen-bn", "group-norm", "no-batch-norm"} & set(planned)
    assert "batch-renorm is left out in keras-3, which cannot run it so" in notes


def test_a_namesake_of_what_cannot_be_is_run(scenario: Edit, folder: Path) -> None:
    """Files may share a scenario's name; the same file twice is one run."""
    good = folder / "good.yaml"
    good.write_text(scenario().read_text())
    bad = scenario("batch_norm: {momentum: 0.99}", "batch_norm: {renorm: true}")
    asked = RunOptions(
        scenarios=(str(bad), str(good), f"{folder}/images/../good.yaml"), environments=("all",), trace=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("repro.runs.planning.choose_environments", lambda _: [definition.get("keras-3")])
        notes: list[str] = []
        (plan,) = make_plans(asked, command=[], is_local=False, report=notes.append)
    assert plan.scenario_text == good.read_text()
    assert notes == [f"small ({bad}) is left out in keras-3, which cannot run it so"]


def test_a_shipped_scenario_named_by_its_path_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shipped.folder("scenarios").parent)
    for name in ("original-bug", "scenarios/original-bug.yaml", "./tests/../scenarios/original-bug.yaml"):
        (plan,) = make_plans(RunOptions(scenarios=(name,)), command=[], is_local=False)
        assert plan.shipped_images, name
    (plan,) = make_plans(
        RunOptions(scenarios=("original-bug",), images=shipped.folder("scenarios") / "images"),
        command=[],
        is_local=False,
    )
    assert not plan.shipped_images


def test_no_trace_of_zero_debiased_averages(repro: Repro, scenario: Edit, store: Path) -> None:
    repro("run", scenario(), "--environment", "keras-2.2.4", "--trace").refused(3, "--trace is not possible")
    assert nothing_in(store)


def test_the_scenario_itself_is_right(repro: Repro, scenario: Edit) -> None:
    answer = repro("check", scenario())
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.endswith("valid\n")


WHOLE_FILES = {
    "alias bomb": (b"a: &a [x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n", ":1: ", "anchors and aliases"),
    "deep nesting": (b"format: " + b"[" * 5000 + b"]" * 5000, ":1: ", "nest"),
    "deep blocks": (b"".join(b" " * i + b"a:\n" for i in range(300)), ":", "nested deeper than 20"),
    "many values": (b"a: [" + b"1," * 30_000 + b"1]", ":1: ", "more than 20000 values"),
    "50 MB": (b"a: " + b"x" * 50_000_000, ": ", "larger than 256 KiB"),
    "invalid UTF-8": (b"format: 1\nname: \xff\xfe", ":2: ", "not UTF-8"),
    "UTF-16": ("format: 1".encode("utf-16"), ":1: ", "not UTF-8"),
    "NUL": (b"format: 1\nname: a\0b", ":", "not YAML"),
    "empty": (b"", ":1: ", "is empty: give a mapping"),
    "comments only": (b"# nothing\n", ":1: ", "is empty: give a mapping"),
    "a list": (b"- 1\n- 2", ":1: ", "expected object, got array"),
    "a word": (b"hello", ":1: ", "expected object, got str"),
    "binary": (bytes(range(256)), ":2: ", "not UTF-8"),
}


@pytest.mark.parametrize("fault", WHOLE_FILES)
def test_files_that_are_no_scenario(repro: Repro, tmp_path: Path, store: Path, fault: str) -> None:
    data, where, words = WHOLE_FILES[fault]
    file = tmp_path / "bad.yaml"
    file.write_bytes(data)
    repro("run", file).refused(2, f"repro: {file}{where}", words)
    repro("check", file).refused(2, words)
    assert nothing_in(store)


def test_numbers_are_decimal(repro: Repro, scenario: Edit) -> None:
    """YAML 1.1 would read 010 as 8, and 1:30 as 90."""
    file = scenario("{epochs: 3}", "{epochs: 010}\nmeasure_at: [9]")
    assert repro("check", file).code == 0
    repro("check", scenario("{epochs: 3}", "{epochs: 1:30}")).refused(2, "expected int, got str")


def test_byte_order_mark_and_line_ends_of_windows(repro: Repro, folder: Path) -> None:
    (folder / "s.yaml").write_bytes(b"\xef\xbb\xbf" + SCENARIO.replace("\n", "\r\n").encode())
    assert repro("check", folder / "s.yaml").code == 0


def test_files_that_cannot_be_read(repro: Repro, tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    repro("check", tmp_path / "missing.yaml").refused(2, "missing.yaml: there is no such file")
    repro("check", tmp_path / "folder.yaml").refused(2, "is a folder")
    repro("check", tmp_path / "pipe.yaml").refused(2, "is not a regular file")
    repro("check", tmp_path / "loop.yaml").refused(2, "loop.yaml: ")
    repro("check", "/dev/zero").refused(2, "is not a regular file")


def test_every_file_is_checked(repro: Repro, scenario: Edit, tmp_path: Path) -> None:
    answer = repro("check", tmp_path / "one.yaml", scenario(), tmp_path / "two.yaml", "--json")
    assert answer.code == 2
    assert [line.startswith("repro: ") for line in answer.err.splitlines()] == [True, True]
    assert [row["valid"] for row in answer.json["files"]] == [False, True, False]


# -- images -----------------------------------------------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    """A PNG whose header promises more than it holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def replace_image(folder: Path, kind: str) -> Path:
    """Make b.png a fault; returns the file that is to be named."""
    file = folder / "images" / "b.png"
    file.unlink()
    match kind:
        case "text":
            file.write_text("this is not an image")
        case "empty":
            file.write_bytes(b"")
        case "truncated":
            Image.effect_noise((50, 50), 60).save(file)
            file.write_bytes(file.read_bytes()[:600])
        case "bomb":
            file.write_bytes(png(30_000, 30_000))
        case "large":
            file.write_bytes(png(9_000, 9_000))
        case "RGB":
            Image.new("RGB", (10, 10)).save(file)
        case "palette":
            Image.new("P", (10, 10)).save(file)
        case "alpha":
            Image.new("LA", (10, 10)).save(file)
        case "16 bit":
            Image.new("I;16", (10, 10)).save(file)
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case "dangling":
            file.symlink_to(folder / "nowhere.png")
        case "SVG":
            file.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return file


IMAGE_FAULTS = {
    "text": "is not an image that can be read",
    "empty": "is not an image that can be read",
    "truncated": "is a damaged image",
    "bomb": "has too many pixels",
    "large": "9000 x 9000 pixels are too many",
    "RGB": "is a colour image (mode RGB)",
    "palette": "is a colour image (mode P)",
    "alpha": "is a colour image (mode LA)",
    "16 bit": "has more than 8 bits a pixel",
    "folder": "is not a regular file",
    "pipe": "is not a regular file",
    "dangling": "is not a regular file",
    "SVG": "is not an image that can be read",
}


@pytest.mark.parametrize("kind", IMAGE_FAULTS)
def test_image_faults(repro: Repro, folder: Path, store: Path, kind: str) -> None:
    file = replace_image(folder, kind)
    repro("check", folder / "s.yaml").refused(2, f"{file}: {IMAGE_FAULTS[kind]}")
    repro("run", folder / "s.yaml").refused(2, f"{file}: {IMAGE_FAULTS[kind]}")
    repro("run", "original-bug", "--images", folder / "images").refused(2, f"{file}: ")
    assert nothing_in(store)


def test_more_images_than_memory_holds(repro: Repro, scenario: Edit, folder: Path, store: Path) -> None:
    """Refused before anything is decoded, in either layout (folders: test_folders.py)."""
    file = scenario("classes: 3", "classes: 33")
    file.write_text(file.read_text().replace("[32, 32]", "[4096, 4096]"))
    for index in range(30):
        Image.new("L", (4, 4)).save(folder / "images" / f"{index}.png")
    repro("run", file).refused(2, "33 images of 4096 x 4096 are more than 512 MiB: train on fewer or smaller ones")
    assert nothing_in(store)


@pytest.mark.parametrize("kind", ["RGB", "palette", "alpha"])
def test_colour_images_are_converted_on_request(repro: Repro, folder: Path, kind: str) -> None:
    replace_image(folder, kind)
    assert repro("check", folder / "s.yaml", "--convert", "L").code == 0


def test_three_channels_want_colour_images(repro: Repro, scenario: Edit) -> None:
    file = scenario("channels: 1", "channels: 3")
    repro("check", file).refused(2, "a.png: is not an RGB image (mode L)")
    repro("check", file, "--convert", "L").refused(2, "--convert L gives one channel")


def test_folders_of_images(repro: Repro, folder: Path, tmp_path: Path, store: Path) -> None:
    file, images = folder / "s.yaml", folder / "images"
    (images / "c.png").unlink()
    (images / ".hidden.png").write_text("x")
    (images / "notes.txt").write_text("x")
    repro("run", file).refused(2, "2 images found where 3 classes are asked")
    repro("run", "original-bug", "--images", tmp_path / "none").refused(2, "none: there is no such folder")
    repro("run", "original-bug", "--images", file).refused(2, "is not a folder")
    repro("run", "original-bug", "--images", "x" * 5000).refused(2, "cannot be read (File name too long)")
    for entry in images.iterdir():
        entry.unlink()
    images.rmdir()
    repro("run", file).refused(2, f"{file}:6: images.directory: there is no folder images beside the scenario")
    assert nothing_in(store)


# -- options and names ------------------------------------------------------------------------------------------------

OPTIONS = {
    "unknown command": (["frobnicate"], "no command is called 'frobnicate': choose from list, check"),
    "unknown option": (["run", "original-bug", "--frobnicate"], "--frobnicate"),
    "unknown option before": (["--frobnicate", "runs"], "--frobnicate"),
    "no scenario": (["run"], "no scenario is named"),
    "unknown scenario": (["run", "nothing"], "no scenario is called 'nothing': choose from"),
    "empty scenario": (["run", ""], "no scenario is called ''"),
    "unknown environment": (["run", "original-bug", "--environment", "keras-9"], "no environment is called 'keras-9'"),
    "unknown environment to show": (["environment", "show", "keras-9"], "no environment is called 'keras-9'"),
    "unknown environment to install": (["environment", "install", "../x"], "no environment is called '../x'"),
    "empty environment": (["run", "original-bug", "--environment", ""], "--environment: nothing is named"),
    "seed": (["run", "original-bug", "--seed", "one"], "--seed: 'one' is not a whole number"),
    "seed upside down": (
        ["run", "original-bug", "--seed", "5:1"],
        "'5:1' is out of range: give 0 to 2147483647, or A:B with A",
    ),
    "too many seeds": (["sweep", "original-bug", "--seeds", "0:10001"], "--seeds: '0:10001' is out of range"),
    "negative seed": (["run", "original-bug", "--seed", "-1"], "--seed: '-1' is out of range"),
    "empty seed": (["run", "original-bug", "--seed", ""], "--seed: nothing is named"),
    "no seeds": (["run", "original-bug", "--seed", "3:3"], "out of range"),
    "many seeds": (["run", "original-bug", "--seed", "0:99999"], "out of range"),
    "huge seed": (["run", "original-bug", "--seed", "9" * 5000], "--seed"),
    "threads": (["run", "original-bug", "--threads", "0"], "--threads"),
    "device": (["run", "original-bug", "--device", "tpu"], "tpu"),
    "convert": (["run", "original-bug", "--convert", "RGB"], "RGB"),
    "no run": (["show", "nothing"], "no run is called 'nothing'"),
    "empty run": (["show", ""], "no run is called ''"),
    "last of none": (["show", "last"], "has no runs"),
    "a path as run": (["show", "../../etc"], "no run is called"),
    "stop nothing": (["stop", "last"], "has no runs"),
    "resume nothing": (["resume", "last"], "has no runs"),
    "delete nothing": (["delete", "x"], "no run is called"),
    "watch nothing": (["watch", "x"], "no run is called"),
    "missing argument": (["show"], "RUN"),
    "extra argument": (["show", "a", "b"], "b"),
    "nothing to check": (["check"], "FILE"),
    "control characters": (["show", "\x1b[31mred\x07"], "no run is called"),
    "control characters in a command": (["\x1b[31mred\x07\n\n"], "no command is called"),
    "control characters in an option": (["run", "--\x1b[31m"], "ption"),
    "control characters in a file": (["run", "./\x1b[31mred.yaml"], "there is no such file"),
    "control characters in a checked file": (["check", "./\x1b[31mred.yaml"], "there is no such file"),
    "line feeds in a file": (["check", "./a\nrepro: b.yaml"], "there is no such file"),
    "10,000 characters as command": (["x" * 10_000], "choose from"),
    "10,000 characters as option": (["run", "--" + "x" * 10_000], "ption"),
    "10,000 characters as scenario": (["run", "x" * 10_000], "choose from"),
    "10,000 characters as file": (["run", "x" * 10_000 + ".yaml"], "cannot be read"),
    "10,000 characters as run": (["show", "x" * 10_000], "`repro runs` lists them"),
    "10,000 characters as environment": (["run", "original-bug", "--environment", "x" * 10_000], "choose from"),
    "10,000 characters as seed": (["run", "original-bug", "--seed", "x" * 10_000], "give 0"),
}


@pytest.mark.parametrize("fault", OPTIONS)
def test_options_and_names(repro: Repro, store: Path, fault: str) -> None:
    arguments, words = OPTIONS[fault]
    repro(*arguments).refused(2, words)
    assert nothing_in(store)


@pytest.mark.parametrize("value", ["soon", "nan", "-1", "inf", "1e9"])
def test_seconds_between_checkpoints(repro: Repro, store: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REPRO_CHECKPOINT_SECONDS", value)
    repro("run", "original-bug").refused(2, "REPRO_CHECKPOINT_SECONDS", "is no number of seconds")
    assert nothing_in(store)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "no command is called"),
        (["run", "nothing"], "no scenario is called"),
        (["show", "\x1b[31m"], "no run is called"),
        ([b"check", b"/nowhere/\xff.yaml"], "there is no such file"),
        ([b"show", b"\xff\xfe"], "no run is called"),
        ([b"run", b"\xff"], "no scenario is called"),
    ],
)
def test_in_a_process(repro_process: Repro, store: Path, arguments: list[str], words: str) -> None:
    repro_process(*arguments).refused(2, words)
    assert nothing_in(store)


def test_names_that_are_not_utf8_in_json(repro_process: Repro) -> None:
    answer = repro_process(b"check", b"--json", b"/nowhere/\xff.yaml")
    assert answer.code == 2
    assert json.loads(answer.out)["files"][0]["valid"] is False


def test_a_reader_that_goes_away(repro_process: Repro) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{os.sys.executable} -m repro schema | true; echo ${{PIPESTATUS[0]}}"],  # type: ignore[attr-defined]
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_where_utf8_is_not_spoken(repro_process: Repro, folder: Path) -> None:
    answer = repro_process("list", PYTHONIOENCODING="ascii")
    assert (answer.code, answer.err) == (0, "")
    assert repro_process("list", "--json", PYTHONIOENCODING="ascii").json["format"] == 1


# -- environments -----------------------------------------------------------------------------------------------------


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of installations."""
    folder = tmp_path / "environments"
    folder.mkdir()
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(folder))
    return folder


def test_environment_not_installed(repro: Repro, environments: Path, store: Path) -> None:
    repro("run", "original-bug").refused(3, "keras-3 is not installed: repro environment install keras-3")
    repro("run", "original-bug", "--environment", "all").refused(3, "no environment is installed")
    repro("environment", "check").refused(3, "no environment is installed")
    repro("environment", "check", "keras-3").refused(3, "keras-3 is not installed")
    repro("environment", "show", "tf-keras").refused(3, "tf-keras is not installed: repro environment install keras-3")
    assert nothing_in(store)


def test_missing_interpreter(
    repro: Repro, environments: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = install_stand_in(environments)
    python.unlink()
    repro("run", "original-bug").refused(3, "keras-3 is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    repro("environment", "install", "keras-2.0.9").refused(3, "needs Python 3.6, and none was found: install it")
    repro("environment", "install", "keras-2.0.9", "--python", "/bin/true").refused(3, "/bin/true is not Python 3.6")
    repro("environment", "install", "keras-2.0.9", "--python", "/none").refused(3, "/none is not Python 3.6")
    assert nothing_in(store)


@pytest.mark.parametrize(
    "interpreter",
    ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho hello\n", "#!/bin/sh\necho '[1]'\n", "#!/nowhere/python\n", "\0"],
)
def test_interpreter_that_does_not_run(repro: Repro, environments: Path, store: Path, interpreter: str) -> None:
    python = write_installation(environments, "keras-3", interpreter)
    repro("run", "original-bug").refused(3, f"{python}: ", "the interpreter of keras-3 does not run: install it again")
    assert repro("environment", "list").code == 0
    assert repro("doctor").code == 3
    assert nothing_in(store)


def test_lock_that_does_not_match(repro: Repro, environments: Path, store: Path) -> None:
    install_stand_in(environments, numpy="1.0", keras=None)
    answer = repro("run", "original-bug")
    answer.refused(
        3, "the environment keras-3 differs from its lock (keras: locked ", "installed not at all and 1 more"
    )
    assert "--allow-drift" in answer.err
    found = repro("environment", "check", "keras-3", "--json")
    assert found.code == 3
    assert [line.split(":")[0] for line in found.json["environments"][0]["drift"]] == ["keras", "numpy"]
    assert nothing_in(store)


def test_installation_from_another_lock(repro: Repro, environments: Path, store: Path) -> None:
    python = install_stand_in(environments)
    marker = python.parents[1] / definition.MARKER
    assert repro("environment", "check", "keras-3").code == 0
    marker.write_text(json.dumps({"format": 1, "environment": "keras-3", "lock_sha256": "0" * 64}))
    repro("run", "original-bug").refused(3, "the installation was made from another lock file")
    marker.write_text("not JSON")
    repro("run", "original-bug").refused(3, "differs from its lock")
    assert nothing_in(store)


@pytest.mark.parametrize("text", ["no JSON", "[]"])
def test_doctor_goes_on_where_an_examination_fails(
    repro: Repro, environments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "image.json"
    file.write_text(text)
    monkeypatch.setattr("repro.environment.record.IMAGE_FILE", file)
    answer = repro("doctor", "--json")
    found = {finding["subject"]: finding["message"] for finding in answer.json["findings"]}
    assert answer.code == 3 and found["container"].startswith("could not be examined: ") and "memory" in found


def test_a_surplus_package_is_drift(repro: Repro, environments: Path) -> None:
    install_stand_in(environments, surplus="1.0")
    repro("run", "original-bug").refused(3, "surplus: locked not at all, installed 1.0")


def test_environment_list(repro: Repro, environments: Path) -> None:
    python = install_stand_in(environments)
    rows = {row["name"]: row for row in repro("environment", "list", "--json").json["environments"]}
    assert rows["keras-3"].keys() >= {"name", "installed", "python", "keras", "tensorflow"}
    assert rows["keras-3"]["installed"] and rows["tf-keras"]["installed"]
    assert rows["keras-3"]["python"] == str(python)
    assert rows["keras-3"]["keras"] == "3.15.1" and rows["tf-keras"]["keras"] == "2.21.0"
    assert not rows["keras-2.0.9"]["installed"] and rows["keras-2.0.9"]["python"] is None
    assert (rows["keras-2.0.9"]["keras"], rows["keras-2.0.9"]["tensorflow"]) == ("2.0.9", "1.4.0")


# -- the store --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["--store", "after", "variable"])
def test_store_under_a_file(
    repro: Repro, environments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    install_stand_in(environments)
    file = tmp_path / "file"
    file.write_text("")
    place = file / "store"
    if how == "variable":
        monkeypatch.setenv("REPRO_STORE", str(place))
        answer = repro("run", "original-bug")
    else:
        before, after = (["--store", place], []) if how == "--store" else ([], ["--store", place])
        answer = repro(*before, "run", "original-bug", *after)
    answer.refused(3, f"{place}: the store cannot be written (Not a directory): name another folder with --store")


def test_store_that_is_a_file(repro: Repro, environments: Path, tmp_path: Path) -> None:
    install_stand_in(environments)
    (tmp_path / "file").write_text("")
    repro("--store", tmp_path / "file", "run", "original-bug").refused(3, "name another folder with --store")
    repro("--store", tmp_path / "file", "runs").refused(3, "the store cannot be read")
    repro("--store", tmp_path / ("x" * 5000), "run", "original-bug").refused(3, "File name too long")


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a tmpfs with options; needs root."""
    made: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"mount-{len(made)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
        made.append(place)
        return place

    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    yield mount
    for place in made:
        subprocess.run(["umount", "-l", place], check=True)


def test_read_only_store(repro: Repro, environments: Path, mounted: Callable[[str], Path]) -> None:
    install_stand_in(environments)
    place = mounted("ro,size=1m")
    words = "the store cannot be written (Read-only file system): name another folder with --store"
    repro("--store", place, "run", "original-bug").refused(3, f"{place}: {words}")
    repro("--store", place / "below", "run", "original-bug").refused(3, words)
    assert repro("--store", place, "runs").code == 0
    assert list(place.iterdir()) == []


def test_full_store(repro: Repro, environments: Path, mounted: Callable[[str], Path]) -> None:
    install_stand_in(environments)
    place = mounted("size=1m")
    with (place / "filler").open("wb") as stream, pytest.raises(OSError):
        stream.write(bytes(2_000_000))
    words = "(No space left on device): free some space, or name another folder with --store"
    repro("--store", place, "run", "original-bug").refused(3, words)
    with (place / "filler").open("r+b") as stream:
        stream.truncate(1_000_000)
    repro("--store", place, "run", "original-bug").refused(3, words)
    assert [entry.name for entry in place.iterdir()] == ["filler"]


NO_SUCH_NETWORK = {
    "a slip": ("ResNet50", "Resnet50", "keras-3 has no application called Resnet50: choose from ResNet50, "),
    "too small": ("[32, 32]", "[32, 31]", "smaller than ResNet50 takes in keras-3: images.size: at least [32, 32]"),
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("fault", NO_SUCH_NETWORK)
def test_a_network_that_cannot_be_built(repro: Repro, scenario: Edit, store: Path, fault: str, command: str) -> None:
    old, new, words = NO_SUCH_NETWORK[fault]
    answer = repro(command, scenario(old, new))
    answer.refused(2, words if command == "run" else words.split(" ")[-1])
    assert nothing_in(store)


def test_a_network_that_only_some_environments_have(repro: Repro, scenario: Edit) -> None:
    file = scenario("ResNet50", "DenseNet121")
    assert repro("check", file).code == 0
    repro("run", file, "--environment", "keras-2.0.9").refused(2, "keras-2.0.9 has no application called DenseNet121")


def test_own_model_files(repro: Repro, scenario: Edit, store: Path, tmp_path: Path) -> None:
    file = scenario("application: ResNet50", "python: m.py")
    repro("run", file).refused(2, "would run Python code of its own (m.py): give --trust")
    repro("run", file, "--trust").refused(2, "m.py: there is no such file")
    model = file.parent / "m.py"
    model.write_text("x = 1\n" * 200_000)
    repro("run", file, "--trust").refused(2, "m.py: larger than 1 MiB")
    model.unlink()
    (tmp_path / "elsewhere.py").write_text("")
    model.symlink_to(tmp_path / "elsewhere.py")
    repro("check", file).refused(2, "m.py: leads out of the scenario's folder")
    assert nothing_in(store)
