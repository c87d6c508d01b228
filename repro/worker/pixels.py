"""The images that a run trains on, as the network gets them."""

import os

import numpy as np


def load(directory, images):
    """`arrays/images.npy` of a run's directory: uint8, or float32 where the scenario's `images` divides them."""
    pixels = np.load(os.path.join(directory, "arrays", "images.npy"), allow_pickle=False)
    if images.get("divide_by") is None:
        return pixels
    return pixels.astype(np.float32) / np.float32(images["divide_by"])
