"""Where the plot and its controls stand: below each other, or beside each other."""

from typing import Final

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

Columns = tuple[tuple[str, ...], ...]
"""Names of parts, from left to right and from top to bottom."""

TALL: Final[Columns] = (("choose", "plot", "judge", "sum_up", "filters", "export"),)
WIDE: Final[Columns] = (("choose", "plot"), ("judge", "sum_up", "filters", "export"))
LOW: Final[Columns] = (("plot",), ("choose", "judge", "export"), ("sum_up", "filters"))

_WIDER: Final = 1.4
"""How much wider than high a place is where controls stand beside the plot."""
_LOW_PX: Final = 340
"""Below this height nothing but the plot has room above the controls."""
_PLOT_PX: Final = 180
_LOW_PLOT_PX: Final = 130
"""The least height of the plot."""
_CONTROLS_PX: Final = 350
"""The greatest width of controls beside the plot."""
_ANY_PX: Final = (1 << 24) - 1
"""The greatest width of any widget."""


class Arrangement(QHBoxLayout):
    """The plot and groups of controls in one column to three.

    Parameters
    ----------
    plot
        Takes all room that the controls leave.
    **groups
        The controls by the names of the arrangements.
    """

    def __init__(self, plot: QWidget, **groups: QWidget) -> None:
        super().__init__()
        self._parts = {"plot": plot, **groups}
        self._columns = [QVBoxLayout() for _ in LOW]
        self.columns: Columns = ()
        self.setSpacing(12)
        for column in self._columns:
            column.setSpacing(5)
            self.addLayout(column)
        self._arrange(TALL)

    def fit(self, size: QSize) -> None:
        """Arrange everything so that as much as possible is seen in a place of this size."""
        beside = LOW if size.height() < _LOW_PX else WIDE
        is_wide = size.width() > max(_WIDER * size.height(), self._narrowest(beside))
        self._arrange(beside if is_wide else TALL)

    def _narrowest(self, columns: Columns) -> int:
        """Return the width that columns need; a dock would grow to it and never shrink again."""
        least = {name: part.minimumSizeHint().width() for name, part in self._parts.items()}
        needed = sum(max(least[name] for name in names) for names in columns)
        return int(needed + self.spacing() * len(columns))

    def _arrange(self, columns: Columns) -> None:
        if columns == self.columns:
            return
        self.columns = columns
        self._parts["plot"].setMinimumHeight(_LOW_PLOT_PX if columns == LOW else _PLOT_PX)
        filled = [*columns, *[()] * (len(self._columns) - len(columns))]
        for i, names in enumerate(filled):
            self._fill(self._columns[i], names)
            self.setStretch(i, int("plot" in names))

    def _fill(self, column: QVBoxLayout, names: tuple[str, ...]) -> None:
        while column.count():
            column.takeAt(0)
        is_beside = "plot" not in names
        parts = [self._parts[name] for name in names]
        narrow = max([_CONTROLS_PX, *(part.minimumSizeHint().width() for part in parts)])
        for name, part in zip(names, parts, strict=True):
            part.setMaximumWidth(narrow if is_beside else _ANY_PX)
            column.addWidget(part, int(name == "plot"))
        if names and is_beside:
            column.addStretch()
