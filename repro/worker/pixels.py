"""The images that a run trains on, as the network gets them."""

import os

import numpy as np


def load(directory, scenario, name="images.npy"):
    """Images of a run: uint8; float32 where the scenario divides them, or for an own model, which need not convert."""
    pixels = np.load(os.path.join(directory, "arrays", name), allow_pickle=False)
    divisor = scenario["images"].get("divide_by")
    if divisor is not None:
        return pixels.astype(np.float32) / np.float32(divisor)
    return pixels.astype(np.float32) if scenario["model"].get("python") else pixels
