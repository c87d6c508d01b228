"""`repro new`: write a commented scenario to start from."""

from __future__ import annotations

from pathlib import Path

import click

from repro.base.errors import InputError
from repro.base.text import one_line
from repro.cli.basics import FilePath
from repro.cli.common import echo_text
from repro.scenario.types import NAME_WORDS, is_name

_APPLICATION = """\
# A constructor in keras.applications, from random weights; `repro new NAME --own-model` is for your own network.
model: {application: ResNet50, classes: 2}
"""
_OWN = """\
# Your own network: build(input_shape, classes) in a file beside this one returns a Keras model that ends with softmax
# and is not compiled. It runs only with `repro run --trust`.
model: {python: FILE, function: build, classes: 2}
"""
_SCENARIO = """\
# yaml-language-server: $schema=schema.json
# For editors that read the line above: repro schema > schema.json
# Check it: repro check NAME.yaml    Train it: repro run NAME.yaml --trace    Ask why: repro diagnose last
format: 1
name: NAME
title: Right in fit, wrong in predict
# One of report, verification, remedy, control.
group: report
about: >-
  What you saw, in which code, and what you expected.

# One folder per class inside `directory`, beside this file; the sorted folder names are the classes. Every image is
# resized to `size` (height, width). channels: 3 for colour. `validation` takes the last fifth of every class.
images: {directory: images, layout: folder-per-class, size: [64, 64], channels: 1, validation: {split: 0.2}}

MODEL
# Put on every BatchNormalization layer; left out: Keras's own default, 0.99.
# batch_norm: {momentum: 0.9}

compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 20, shuffle: true, batch_size: 32}

# Taken after the last epoch, and at the epochs in measure_at. A diagnosis needs both phases.
measure: [evaluate, predict, evaluate_training_phase]
measure_at: [5, 10]

# What is claimed; each is decided by the run. See `repro schema` for values and operators.
claims:
  - {id: C1, says: fit has learned the images, value: fit.accuracy, is: at_least, to: 0.9}
  - {id: C2, says: and evaluate gets them wrong, value: evaluate.accuracy, is: at_most, to: 0.6}
"""
_MODEL = '''\
"""The network of NAME.yaml: repro runs it with --trust only."""

import keras
from keras import layers


def build(input_shape, classes):
    """A model for images of `input_shape` (height, width, channels), pixels from 0 to 255; not compiled."""
    inputs = layers.Input(input_shape)
    x = layers.Lambda(lambda pixels: pixels / 255.0)(inputs)
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.models.Model(inputs, layers.Dense(classes, activation="softmax")(x))
'''


@click.command("new")
@click.argument("name")
@click.option("--own-model", is_flag=True, help="With a model of your own: NAME.py beside it.")
@click.option("--script", type=FilePath(), metavar="FILE", help="Around a program of yours, which is not run now.")
@click.option(
    "--issue", type=FilePath(), metavar="FILE.md", help="From the text of a bug report: its code, its versions."
)
def command(name: str, own_model: bool, script: Path | None, issue: Path | None) -> None:
    """Write NAME.yaml here, a commented scenario to start from. Nothing is overwritten, and no program is run.

    With --issue the code blocks of the report become NAME.py; what is missing in them is said.
    """
    if not is_name(name):
        raise InputError(f"{one_line(name, 60)!r} is no name for a scenario", do=f"give {NAME_WORDS}")
    if own_model + (script is not None) + (issue is not None) > 1:
        raise InputError("--own-model, --script and --issue exclude each other", do="keep one")
    notes: list[str] = []
    if script is not None:
        from repro.scenario.drafts import of_script

        files = of_script(name, script)
    elif issue is not None:
        from repro.scenario.drafts import of_issue

        files, notes = of_issue(name, issue)
    else:
        files = {Path(f"{name}.yaml"): _scenario(name, own_model)}
        if own_model:
            files[Path(_module(name))] = _MODEL.replace("NAME", name)
    for file in files:
        if file.exists() or file.is_symlink():
            raise InputError("is there already", do="choose another name, or remove it first", file=file)
    for file, text in files.items():
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    echo_text("\n".join([*(f"wrote {file}" for file in files), *notes]))


def _module(name: str) -> str:
    return f"{name}.py"


def _scenario(name: str, own_model: bool) -> str:
    model = _OWN.replace("FILE", _module(name)) if own_model else _APPLICATION
    text = _SCENARIO.replace("MODEL", model)
    if own_model:
        text = text.replace(".yaml --trace", ".yaml --trust --trace")
    return text.replace("NAME", name)
