"""A few rounds of random keys; `python -m scripts.random_keys` plays hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import random_keys


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 8))])
def test_whatever_is_pressed_the_program_is_left_whole(tmp_path: Path, seed: int) -> None:
    assert random_keys.try_once(tmp_path, random_keys.prepare(tmp_path), seed) == ""
