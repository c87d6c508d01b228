"""A small scenario with its three images, as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

SCENARIO = """\
format: 1
name: small
title: A small scenario
group: control
about: For tests.
images: {directory: images, size: [32, 32], channels: 1}
model: {application: ResNet50, classes: 3}
batch_norm: {momentum: 0.99}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 3}
measure: [evaluate, predict, evaluate_training_phase]
claims:
  - {id: C1, says: fit ends at accuracy 1, value: fit.accuracy, is: equal, to: 1.0}
"""
SIX_EPOCHS = """\
format: 1
name: six-epochs
title: Six epochs, to be stopped and gone on with
group: control
about: Whether a resumed run gives the bits of one that was never interrupted.
images: {directory: images, size: [197, 197], channels: 1}
model: {application: ResNet50, classes: 3}
batch_norm: {momentum: 0.99}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 6, shuffle: true, batch_size: 2}
measure: [predict]
claims: []
"""
# The fixture `scenario`: the file with one text replaced by another.
Edit = Callable[..., Path]


def write_scenario(folder: Path) -> Path:
    """Make `folder` with s.yaml and its images; return the file."""
    (folder / "images").mkdir(parents=True)
    for index, name in enumerate("abc"):
        Image.new("L", (10, 12), 80 * index).save(folder / "images" / f"{name}.png")
    file = folder / "s.yaml"
    file.write_text(SCENARIO)
    return file
