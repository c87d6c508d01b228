"""A traced run and its answers as lines of the What-if screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from repro.base.text import one_line, rounded, share
from repro.explain import trace
from repro.explain.trace import TracedRun
from repro.runs.ids import RECORDED
from repro.runs.records import RunRecord
from repro.runs.summary import OWN_TRAINING
from repro.scenario.image_record import ImageRecord
from repro.supervise.what_if import Answer, Statistics
from tui.text import BAD, BAR, BUSY, GOOD, ODD, QUIET, bar, rows, shade
from tui.viewmodels.sentences import styled

MOST_IMAGES = 6


def head(record: RunRecord, trained_momenta: Sequence[float], width: int) -> Content:
    """Which run is asked, and the momenta it was trained at."""
    parts: list[tuple[str, str]] = [
        (one_line(record.scenario, 60), "bold"),
        (f"  {_place(record)}", QUIET),
    ]
    if trained_momenta:
        what_if = ": what if it had been another?" if width >= 100 else ""
        momenta = ", ".join(f"{momentum:g}" for momentum in trained_momenta[:3])
        ellipsis = ", ..." if len(trained_momenta) > 3 else ""
        parts.append((f"   trained at momentum {momenta}{ellipsis}{what_if}", ""))
    return Content.assemble(*parts)


def _place(record: RunRecord) -> str:
    if record.environment == RECORDED:
        return OWN_TRAINING
    return f"{one_line(record.environment, 40)}  seed {record.seed}"


def untraced(command: str) -> Content:
    """What to do with a run that kept no trace; `command` trains it again with one."""
    return rows(
        [
            Content("This run was not traced, so it cannot say what another momentum would have given."),
            Content(""),
            Content("A traced run keeps the batch statistics of every step and the weights of some epochs:"),
            Content(""),
            Content.assemble(("  $ ", QUIET), (one_line(command, 500), "bold")),
            Content(""),
            Content.styled("Training is the same, bit for bit, and costs at most a twentieth more time.", QUIET),
        ]
    )


def statistics_choice(chosen: Statistics, gutter: int, width: int) -> Content:
    """The three kinds of statistics with their keys; the label stands in the `gutter` of the sliders above."""
    has_label = width >= 80
    parts: list[tuple[str, str]] = [(f"  {'inference':<{gutter - 2}} " if has_label else "", QUIET)]
    for name, key in (("moving", ""), ("debiased", "d"), ("re-estimated", "e")):
        is_chosen = name == chosen
        parts.append((f"({'●' if is_chosen else ' '}) {name} ", "bold" if is_chosen else ""))
        parts.append((f"{key}   " if key else "  ", "bold $footer-key-foreground"))
    return Content.assemble(*parts)


def predictions(traced: TracedRun, answer: Answer | None, width: int) -> Content:
    """Each image with its class, then the figures of all; dots while there is no answer."""
    images = traced.record.images
    name_width = max([5, *(len(one_line(image.name, 24)) for image in images[:MOST_IMAGES])])
    bar_width = 10 if width >= 80 else 6
    lines = [
        _prediction(image, index, answer, name_width, bar_width) for index, image in enumerate(images[:MOST_IMAGES])
    ]
    if len(images) > MOST_IMAGES:
        lines.append(Content.styled(f"and {len(images) - MOST_IMAGES} more images", QUIET))
    return rows([*lines, _figures(traced, answer)])


def _prediction(image: ImageRecord, index: int, answer: Answer | None, name_width: int, bar_width: int) -> Content:
    parts: list[tuple[str, str]] = [
        (f"{one_line(image.name, 24):<{name_width}}  ", "bold"),
        (f"label {image.label}  ", QUIET),
    ]
    if answer is None:
        return Content.assemble(*parts, ("·", QUIET))
    predicted = answer.predict["classes"][index]
    probability = float(answer.predict["probabilities"][index][predicted])
    is_right = predicted == image.label
    sign, word, style = ("✓", "right", GOOD) if is_right else ("✗", "wrong", BAD)
    return Content.assemble(
        *parts,
        (f"{sign} class {predicted} {word}  ", style),
        (bar(probability, bar_width), BAR),
        (f" {share(probability)}", ""),
    )


def _figures(traced: TracedRun, answer: Answer | None) -> Content:
    if answer is None:
        return Content.styled("loss ·  accuracy ·", QUIET)
    right, count = traced.count_right(answer), len(traced.record.images)
    return Content.assemble(
        (f"{right} of {count} right", f"bold {GOOD if right == count else BAD}"),
        ("   loss ", QUIET),
        rounded(answer.evaluate["loss"]),
        ("   accuracy ", QUIET),
        share(answer.evaluate["accuracy"]),
    )


def standing(answer: Answer | None, failure: str, seconds_starting: float | None, width: int) -> Content:
    """How far the answer can be trusted, or what is being waited for.

    `seconds_starting`: how long the worker has been starting; None once it has answered.
    """
    if answer is not None:
        return styled(trace.certainty(answer), width)
    if failure:
        return Content.styled(f"! No answer: {one_line(failure, 300)}.  a asks again", ODD)
    if seconds_starting is not None:
        return Content.styled(f"● starting TensorFlow, once for all questions … {seconds_starting:.0f} s", BUSY)
    return Content.styled("● asking the network …", BUSY)


def layers_title(distances: Sequence[float | None], width: int) -> Content:
    """The head of the bars: the median remaining distance of the layers."""
    legend = ": 1 as at the start, 0 at the batch statistics" if width >= 100 else ""
    median = share(trace.median_distance(distances))
    text = f"median {median}{legend}" if distances else "the trace cannot be read"
    return Content.assemble(("Way left, layer by layer", "bold $text-accent"), (f"   {text}", QUIET))


def map_title(images: int, known: int, cells: int, seconds_starting: float | None, width: int) -> Content:
    """The head of the map: what its cells mean, and how many of them are `known`."""
    progress = f"{known} of {cells} known" if known < cells else "complete"
    if seconds_starting is not None:
        progress += f"; starting TensorFlow … {seconds_starting:.0f} s"
    title = f"Images right of {images}"
    marks = (("all", shade(1)), ("most", shade(0.5)), ("few", shade(0.1)), ("none", shade(0)))
    legend = Content("   ") + Content(" ").join(
        Content.assemble((mark, style), (f" {name}", QUIET)) for name, (mark, style) in marks
    )
    if len(title) + legend.cell_length + len(progress) + 9 > width:
        legend = Content("")
    return Content.assemble(
        (title, "bold $text-accent"), legend, ("   ", ""), (progress, QUIET if known == cells else BUSY)
    )
