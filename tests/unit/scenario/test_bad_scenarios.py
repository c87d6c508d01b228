"""Every fault in a scenario: one line that names file, line and key, exit code 2, nothing left in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import Repro, nothing_in
from tests.support.scenario_files import Edit

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
    "newer format": ("format: 1", "format: 3", 1, "written in format 3: update repro: this one reads 2"),
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
