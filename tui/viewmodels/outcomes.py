"""What each phase makes of the images, as the first thing that the screen of a run says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from repro.base.text import one_line, rounded, share
from repro.runs import events
from repro.runs.progress import Progress, prediction
from repro.scenario.image_record import ImageRecord
from tui.text import BAD, BAR, GOOD, QUIET, bar, rows

PHASES = (("training", "training"), ("inference", "predict"))
BAR_CELLS = 3
FULL_CARD_CELLS = 15
ALL_RIGHT = 0.999  # accuracies of float32 are not exactly 1

Probabilities = list[list[events.Number]]


@dataclass(frozen=True)
class Outcome:
    """What one phase makes of all images, as measured last."""

    phase: str
    correct: int
    count: int
    loss: events.Number

    @property
    def is_right(self) -> bool:
        """Whether every image is classified correctly."""
        return self.correct == self.count

    @property
    def score(self) -> str:
        """For example 1/3."""
        return f"{self.correct}/{self.count}"


def outcomes(progress: Progress, image_count: int) -> dict[str, Outcome]:
    """Return what is known of each phase; empty without images or measurements."""
    epoch = max((epoch for _, epoch in progress.evaluations), default=None)
    found: dict[str, Outcome] = {}
    for phase, _ in PHASES:
        evaluated = progress.evaluations.get((phase, epoch)) if epoch is not None else None
        if evaluated is not None and evaluated.accuracy is not None and image_count:
            correct = round(float(evaluated.accuracy) * image_count)
            found[phase] = Outcome(phase, correct, image_count, evaluated.loss)
    return found


def statement(progress: Progress, image_count: int) -> Content:
    """Say in one line how the phases differ."""
    known = outcomes(progress, image_count)
    if len(known) < len(PHASES):
        return Content.styled("The two phases are compared when training has ended.", QUIET)
    training, inference = known["training"], known["inference"]
    if training.is_right and inference.is_right:
        return Content.assemble(("Right in training and in predict", f"bold {GOOD}"), f" ({inference.score})")
    if training.correct == inference.correct:
        return Content.assemble(("Equally wrong in training and in predict", f"bold {BAD}"), f" ({inference.score})")
    parts: list[Content | str | tuple[str, str]] = []
    for outcome, place in ((training, "in training"), (inference, "in predict")):
        word = "right" if outcome.is_right else "wrong"
        text = f"{word} {place}" if parts else f"{word.capitalize()} {place}"
        parts += [", "] if parts else []
        parts += [(text, f"bold {GOOD if outcome.is_right else BAD}"), f" ({outcome.score})"]
    return Content.assemble(*parts, (", same weights", QUIET))


def row_labels(progress: Progress, image_count: int, picture_height: int, *, with_loss: bool) -> Content:
    """Label the rows beside the cards: each phase with its score and, if there is room, its loss."""
    known = outcomes(progress, image_count)
    lines = [Content("")] * (1 + picture_height)
    for phase, name in PHASES:
        outcome = known.get(phase)
        if outcome is None:
            lines.append(Content.styled(f"{name:<9}", QUIET))
            continue
        style = GOOD if outcome.is_right else BAD
        loss = Content.styled(f" loss {rounded(outcome.loss)}" if with_loss else "", QUIET)
        lines.append(Content.assemble(f"{name:<9}", (outcome.score, f"bold {style}"), loss))
    return rows(lines)


def card_heading(image: ImageRecord | None, index: int, width: int) -> Content:
    """Return name and label of an image."""
    if image is None:
        return Content.styled(f"image {index}", "bold")
    name, label = image.name.rsplit(".", 1)[0], f"  label {image.label}"
    if len(name) + len(label) > width:
        label = f" ({image.label})"
    return Content.assemble((one_line(name, max(4, width - len(label))), "bold"), (label, QUIET))


def card_foot(progress: Progress, image: ImageRecord | None, index: int, width: int) -> Content:
    """Return what each phase predicts for an image: a sign, the class, its probability."""
    label = image.label if image is not None else None
    places = 4 if width >= FULL_CARD_CELLS else 2
    lines = []
    for (phase, _), probabilities in zip(PHASES, latest_probabilities(progress), strict=True):
        if index >= len(probabilities):
            lines.append(_without_probabilities(progress, phase, label))
            continue
        row = probabilities[index]
        predicted = prediction([row], None).classes[0]
        sign, style = ("✓", GOOD) if predicted == label else ("✗", BAD)
        value = row[predicted]
        lines.append(
            Content.assemble(
                (f"{sign} {predicted} ", style),
                (bar(float(value), BAR_CELLS), BAR),
                f" {share(value, places)}",
            )
        )
    return rows(lines)


def _without_probabilities(progress: Progress, phase: str, label: int | None) -> Content:
    """Return what the accuracy alone says of one image: only that it is right if all are."""
    epoch = max((epoch for known, epoch in progress.evaluations if known == phase), default=None)
    accuracy = progress.evaluations[phase, epoch].accuracy if epoch is not None else None
    if accuracy is None or float(accuracy) < ALL_RIGHT or label is None:
        return Content.styled("·", QUIET)
    return Content.styled(f"✓ {label}", GOOD)


def latest_probabilities(progress: Progress) -> tuple[Probabilities, Probabilities]:
    """Return those of training phase and inference; runs made by older workers have only the second."""
    inference: Probabilities = []
    if progress.predictions:
        inference = progress.predictions[max(progress.predictions)].probabilities
    latest = max((epoch for phase, epoch in progress.evaluations if phase == "training"), default=None)
    training = progress.evaluations["training", latest].probabilities if latest is not None else None
    return training or [], inference


def probability_table(
    progress: Progress, images: Sequence[ImageRecord], most_images: int, most_classes: int
) -> Content:
    """Return every class's probability in both phases, the likeliest classes first if there are many."""
    training, inference = latest_probabilities(progress)
    if not inference:
        return Content.styled("not measured yet", QUIET)
    lines = [Content.styled(f"{'':<24}class  training   predict", QUIET)]
    for index, row in enumerate(inference[:most_images]):
        image = images[index] if index < len(images) else None
        name = one_line(image.name if image is not None else f"image {index}", 22)
        classes = list(range(len(row)))
        if len(classes) > most_classes:
            other = training[index] if index < len(training) else row
            classes = sorted(classes, key=lambda c: -max(float(row[c]), float(other[c])))[:most_classes]
        for class_ in classes:
            in_training = share(training[index][class_]) if index < len(training) else "-"
            text = f"{in_training:>8}  {share(row[class_]):>8}"
            mark = "label" if image is not None and class_ == image.label else ""
            lines.append(Content.assemble((f"{name:<24}", "bold"), f"{class_:>5}  ", text, (f"  {mark}", QUIET)))
            name = ""
    if len(inference) > most_images:
        lines.append(Content.styled(f"and {len(inference) - most_images} more images", QUIET))
    return rows(lines)
