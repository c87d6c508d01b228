"""A list's cursor in the terminal's own colours: reversed, since no two of them are sure to differ."""

from __future__ import annotations

from textual.style import Style


class ReversedCursor:
    """Lets `text-style: reverse` of a component class through, which Textual's visual styles leave out.

    Stands before the widget's class among the bases; a Widget itself would come between it and its styles.
    """

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        """As Textual's, with the reversal."""
        style: Style = super().get_visual_style(*component_classes, partial=partial)  # type: ignore[misc]
        styles_of = self.get_component_styles  # type: ignore[attr-defined]
        if any(styles_of(name).text_style.reverse for name in component_classes):
            style += Style(reverse=True)
        return style
