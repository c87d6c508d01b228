"""Images in a folder per class, with validation images."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from repro.scenario import images as scenario_images
from repro.scenario.types import Images, Validation
from tests.support.command_line import Repro
from tests.support.scenario_files import SCENARIO

FOLDERS = SCENARIO.replace(
    "{directory: images, size: [32, 32], channels: 1}",
    "{directory: data/train, layout: folder-per-class, size: [32, 32], channels: 1, validation: {split: 0.25}}",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """s.yaml with three classes of four, four and six images of different sizes in data/train."""
    for label, count in (("ant", 4), ("bee", 4), ("cow", 6)):
        draw(tmp_path / "data/train" / label, count)
    (tmp_path / "s.yaml").write_text(FOLDERS)
    return tmp_path


def draw(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.new("L", (10 + index, 12), 40 * index).save(folder / f"{index}.png")


def load(place: Path, validation: Validation | None) -> scenario_images.ImageSet:
    images = Images("data/train", (8, 8), layout="folder-per-class", validation=validation)
    return scenario_images.load(place / "data/train", images, 3, base=place)


def test_classes_are_sorted_folders_and_come_in_turn(place: Path) -> None:
    found = load(place, None)
    assert found.pixels.shape == (14, 8, 8, 1)
    assert found.labels == [0, 1, 2] * 4 + [2, 2]
    assert [record.name for record in found.records[:4]] == ["ant/0.png", "bee/0.png", "cow/0.png", "ant/1.png"]
    assert found.validation is None


def test_a_split_takes_the_last_of_every_class(place: Path) -> None:
    found = load(place, Validation(split=0.25))
    assert found.validation is not None
    kept = [record.name for record in found.validation.records]
    assert kept == ["ant/3.png", "bee/3.png", "cow/4.png", "cow/5.png"]
    assert not {*kept} & {record.name for record in found.records}
    assert len(found.records) == 10


def test_a_folder_of_validation_images_needs_the_same_classes(place: Path) -> None:
    for label in ("ant", "bee", "cow"):
        draw(place / "data/held-out" / label, 2)
    found = load(place, Validation(directory="data/held-out"))
    assert found.validation is not None
    assert found.validation.labels == [0, 1, 2, 0, 1, 2]
    (place / "data/held-out/cow").rename(place / "data/held-out/dog")
    with pytest.raises(scenario_images.InputError, match="has other classes than the training images"):
        load(place, Validation(directory="data/held-out"))


def test_unequal_classes_are_noted(repro: Repro, place: Path) -> None:
    answer = repro("check", place / "s.yaml")
    assert answer.code == 0
    assert "note: the classes are not equal: 3 to 4 training images" in answer.out
    assert repro("check", place / "s.yaml", "--json").json["files"][0]["notes"]


def test_files_that_are_no_images_are_noted(repro: Repro, place: Path) -> None:
    for name in ("ant/pixels.npy", "bee/labels.csv", "bee/.hidden"):
        (place / "data/train" / name).touch()
    said = repro("check", place / "s.yaml").out
    assert "note: 2 files in the folders of classes are no images and are left out: ant/pixels.npy, bee/labels" in said


def test_folders_that_cannot_be_used(repro: Repro, place: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, train = place / "s.yaml", place / "data/train"

    def refused(*words: str) -> None:
        repro("check", file).refused(2, *words)
        repro("run", file).refused(2, *words)
        assert not store.exists()

    (train / "cow/5.png").write_bytes(b"no image")
    refused("cow/5.png: is not an image that can be read")
    (train / "cow/5.png").unlink()
    monkeypatch.setattr(scenario_images, "MAX_IMAGES", 8)
    refused("holds 13 images: at most 8")
    monkeypatch.setattr(scenario_images, "MAX_IMAGES", 3)
    refused("ant: holds more than 3 files")
    monkeypatch.undo()
    monkeypatch.setenv("REPRO_STORE", str(store))
    before = scenario_images.list_files(train / "ant")
    for number in range(20):
        (train / f"ant/._{number}.png").touch()
    monkeypatch.setattr(scenario_images, "MAX_IMAGES", len(before))
    assert scenario_images.list_files(train / "ant") == before
    monkeypatch.undo()
    monkeypatch.setenv("REPRO_STORE", str(store))
    (train / "dog").mkdir()
    refused("data/train: 4 class folders found, where 3 are asked")
    (train / "cow").rename(place / "cow")
    refused("dog: the class has no images to train on")
    (train / "dog").rmdir()
    (train / "bee").rename(place / "bee")
    refused("ant: is the only class, where 3 are asked")
    train.rename(place / "elsewhere")
    refused(":6: images.directory: there is no folder data/train beside the scenario")


FAULTS = {
    "split and directory": ("{split: 0.25}", "{split: 0.25, directory: x}", "needs directory or split, and not both"),
    "neither": ("{split: 0.25}", "{}", "needs directory or split, and not both"),
    "all of it": ("0.25", "1.0", "images.validation.split: expected float < 1.0"),
    "elsewhere": ("{split: 0.25}", "{directory: ../x}", "images.validation.directory: must stay inside"),
    "one file a class": ("folder-per-class", "file-per-class", "images.validation: goes with folder-per-class only"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_validation(repro: Repro, place: Path, fault: str) -> None:
    old, new, words = FAULTS[fault]
    file = place / "s.yaml"
    file.write_text(FOLDERS.replace(old, new))
    repro("check", file).refused(2, f"{file}:6: ", words)
