"""Numbers, curves, strips: what is drawn is true."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip

from repro.explain.layers import remaining_distance
from tests.support.runs.recorded import drift
from tests.support.screens import until
from tui import text
from tui.commands import Request, parse_seeds
from tui.themes import NORMAL, THEMES
from tui.widgets.curve import BELOW, Curve, Series, draw, scale_for
from tui.widgets.drift import buckets
from tui.widgets.pictures import cells, glyphs, shrink


def test_bars_and_levels_read_without_colour() -> None:
    assert text.bar(1.0, 4) == "████"
    assert text.bar(0.5, 4) == "██  "
    assert text.bar(None, 4) == "····"
    assert text.bar(math.nan, 4) == "····"
    assert [text.level(v) for v in (0.0, 0.5, 1.0, None)] == ["▁", "▅", "█", "·"]


def plot(values: list[float], *, log: bool = False, letter: str = "") -> list[str]:
    series = [Series("x", values, letter)]
    cells = draw(series, 20, 5, scale_for(series, log=log), len(values))
    return ["".join(character for character, _ in row) for row in cells]


def test_a_curve_falls_from_left_to_right() -> None:
    rows = plot([1.0, 0.1, 0.01, 0.001], log=True)
    assert rows[0][0] != " " and rows[-1][-1] != " "
    assert rows[0][-1] == " " and rows[-1][0] == " "


def test_a_value_that_is_no_number_leaves_a_gap() -> None:
    whole = plot([1.0, 1.0, 1.0, 1.0, 1.0])
    gap = plot([1.0, 1.0, math.nan, 1.0, 1.0])
    assert sum(c == " " for row in gap for c in row) > sum(c == " " for row in whole for c in row)
    assert plot([math.nan, math.inf]) == [" " * 20] * 5
    assert plot([-2.0, -1.0], log=True) == [" " * 20] * 5


def test_a_loss_of_zero_is_marked_at_the_foot_of_a_log_scale() -> None:
    values = [10.0, 0.1, 0.0, math.nan, 0.0]
    rows = plot(values, log=True)
    assert [i for i, cell in enumerate(rows[-1]) if cell == BELOW] == [10, 19]  # epochs 3 and 5 of 5, in 20 cells
    assert not any(BELOW in row for row in [*rows[:-1], *plot(values, log=False)])


def test_letters_name_curves_without_colour() -> None:
    assert "A" in "".join(plot([1.0, 2.0, 3.0], letter="A"))


def test_the_log_axis_is_labelled_at_decades() -> None:
    scale = scale_for([Series("x", [3.0, 1e-5])], log=True)
    labels = [label for _, label in scale.ticks(4)]
    assert labels[0] == "10" and all(label[0] == "1" or label.startswith("0.") for label in labels)


def test_a_thousand_epochs_draw_quickly() -> None:
    rows = plot([1.0 / (i + 1) for i in range(1000)], log=True)
    assert rows[0][0] != " " and rows[-1][-1] != " "


def test_layers_that_share_a_cell_show_the_worst() -> None:
    assert buckets([0.1, 0.9, 0.2, None], 2) == [0.9, 0.2]
    assert buckets([None, None], 1) == [None]
    assert remaining_distance(drift(5).layers[0]) == pytest.approx(0.99**5)


def lit(image: np.ndarray[Any, Any], width: int, height: int) -> np.ndarray[Any, Any]:
    """What a terminal shows of a picture's cells, as light, (height * 8, width * 8)."""
    signs, masks = glyphs()
    return np.block(
        [
            [np.where(masks[signs.index(glyph)].reshape(8, 8) > 0, ink[0], ground[0]) for glyph, ink, ground in row]
            for row in cells(image, width, height)
        ]
    )


def test_a_picture_keeps_light_and_dark() -> None:
    image = np.zeros((197, 197, 1), np.uint8)
    image[:, 98:] = 255
    shown = lit(image, 10, 10)
    assert shown[0, 0] == 0 and shown[79, 79] == 255
    assert set(cells(np.full((3, 3, 3), 7, np.uint8), 10, 10)[5]) == {(" ", (0, 0, 0), (7, 7, 7))}
    red = np.zeros((8, 8, 3), np.uint8)
    red[4:, :, 0] = 200
    assert cells(red, 1, 1) == [[("▄", (200, 0, 0), (0, 0, 0))]]


def test_stripes_of_eight_pixels_stay_stripes() -> None:
    image = np.where(np.arange(197) // 8 % 2, 255, 0).astype(np.uint8)[:, None, None] * np.ones((1, 197, 1), np.uint8)
    assert [row[5][0] for row in cells(image, 24, 12)] == ["▄"] * 12
    assert lit(image, 24, 12)[:, 0].tolist() == [0, 0, 0, 0, 255, 255, 255, 255] * 12


@pytest.mark.parametrize("width", [24, 28, 32])
def test_rings_are_seen_as_rings(width: int) -> None:
    y, x = np.mgrid[0:197, 0:197].astype(np.float64)
    rings = np.where(np.floor(np.hypot(x - 98.5, y - 98.5) / 10.4) % 2 == 0, 228, 28).astype(np.uint8)[..., None]
    shown, wanted = lit(rings, width, width // 2), shrink(rings, width * 8, width * 4)[..., 0]
    assert np.corrcoef(shown.ravel(), wanted.ravel())[0, 1] > 0.8  # half blocks: 0.73, 0.76, 0.49


def test_the_command_line_says_what_is_done() -> None:
    request = Request(["a", "b"], ["keras-3", "tf-keras"], [0, 1, 2], "cpu", "/x y")
    assert request.arguments()[:7] == ["run", "a", "b", "--environment", "keras-3", "--environment", "tf-keras"]
    assert request.arguments()[7:] == ["--seed", "0:3", "--again", "--device", "cpu", "--images", "/x y"]
    assert len(request.each()) == 12
    assert request.each()[0][3] == [
        *("run", "a", "--environment", "keras-3", "--seed", "0"),
        *("--again", "--device", "cpu", "--images", "/x y"),
    ]


@pytest.mark.parametrize(
    ("typed", "seeds"),
    [("0", [0]), ("0,1, 5", [0, 1, 5]), ("2:4", [2, 3]), ("1 1", [1]), ("0:10000", [*range(10_000)])],
)
def test_seeds_are_read(typed: str, seeds: list[int]) -> None:
    assert parse_seeds(typed) == seeds


@pytest.mark.parametrize("typed", ["", "x", "-1", "3:1", "0:10001", "99999999999", "1.5"])
def test_seeds_that_are_none_are_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="seed"):
        parse_seeds(typed)


class Curves(App[None]):
    """One curve that grows beside one that is shown only as it is at the end."""

    def __init__(self) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = NORMAL

    def compose(self) -> ComposeResult:
        yield Curve("Loss", log=True, id="grown")
        yield Curve("Loss", log=True, id="whole")


def _rows(app: Curves, name: str) -> list[Strip]:
    curve = app.query_one(f"#{name}", Curve)
    return [strip.crop(0, curve.size.width) for strip in app.screen._compositor.render_strips()][
        curve.region.y : curve.region.bottom
    ]


@pytest.mark.asyncio
async def test_a_curve_that_grows_is_drawn_as_one_that_is_new_but_only_where_it_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[int] = []
    line = Curve.render_line
    monkeypatch.setattr(Curve, "render_line", lambda self, y: (drawn.append(y), line(self, y))[1])
    app = Curves()
    async with app.run_test(size=(60, 24)) as pilot:
        grown, whole = app.query_one("#grown", Curve), app.query_one("#whole", Curve)
        values = array("d")
        for more in ([], [1.0], [0.5, 0.25], [math.nan, 1e-5, 0.0], [0.0] * 3, [30.0]):
            values.extend(more)
            grown.show([Series("a", values)], 1000)
            await pilot.pause()
        whole.show([Series("a", list(values))], 1000)
        await pilot.pause()
        assert [row.text for row in _rows(app, "grown")] == [row.text for row in _rows(app, "whole")]
        assert "".join(row.text for row in _rows(app, "grown")).strip()
        drawn.clear()
        values.append(29.0)
        await pilot.resize_terminal(61, 24)
        await until(pilot, lambda: grown.size.width == 61)
        assert "29" not in _rows(app, "grown")[0].text, "what is drawn again is what was shown"
        drawn.clear()
        grown.show([Series("a", values)], 1000)
        await pilot.pause()
        assert "29" in _rows(app, "grown")[0].text
        assert 0 < len(drawn) <= 2, "the head, and at most the line of the new dot"


@pytest.mark.asyncio
@pytest.mark.parametrize(("width", "note"), [(40, "no epoch has ended yet"), (29, "no epoch yet"), (18, "")])
async def test_a_curve_without_values_says_so_in_whole_words(width: int, note: str) -> None:
    app = Curves()
    async with app.run_test(size=(width, 24)) as pilot:
        app.query_one("#grown", Curve).show([Series("a", [])], 5)
        await pilot.pause()
        middle = [row.text.partition("│")[2].strip() for row in _rows(app, "grown")]
        assert [text for text in middle if text] == ([note] if note else [])


@pytest.mark.asyncio
async def test_a_curve_can_be_selected_like_text() -> None:
    app = Curves()
    async with app.run_test(size=(60, 24)) as pilot:
        curve = app.query_one("#grown", Curve)
        curve.show([Series("a", [1.0, 0.1])], 2)
        await pilot.pause()
        before = _rows(app, "grown")
        app.screen.selections = {curve: Selection(Offset(0, 0), Offset(4, 0))}
        await pilot.pause()
        after = _rows(app, "grown")
        assert app.screen.get_selected_text() == "Loss"
        assert [row.text for row in before] == [row.text for row in after]
        assert list(before[0]) != list(after[0]) and list(before[1]) == list(after[1])


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.3, "1 s"), (26.4, "26 s"), (61, "1 min"), (1272, "21 min"), (7800, "2 h 10 min")]
)
def test_a_guess_of_a_time_has_few_figures(seconds: float, shown: str) -> None:
    assert text.roughly(seconds) == shown


def test_words_between_backticks_stand_out_and_an_odd_backtick_stays() -> None:
    said = text.prose("`fit` is right, `predict` is not")
    assert said.plain == "fit is right, predict is not"
    assert [said.plain[span.start : span.end] for span in said.spans] == ["fit", "predict"]
    assert text.prose("an odd ` stays").plain == "an odd ` stays"
