"""The controls around the plot; each tells what was chosen and knows nothing of traces."""

from collections.abc import Hashable, Sequence
from typing import Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QWidget,
)

from napari_pyama.traces.trace_set import ViewFilter
from napari_pyama.widgets.messages import warn
from napari_pyama.widgets.numbers import NumberLine, WholeNumberBox

Choice = tuple[Hashable, str]
"""A value and the words for it."""

SPREADS: Final[tuple[Choice, ...]] = (
    ("none", "No mean"),
    ("deviation", "Mean ± SD of good"),
    ("quartiles", "Median, quartiles of good"),
)

_MOST_FRAMES: Final = 100_000
_MOST_PIXELS: Final = 100_000


class ChoiceBox(QComboBox):
    """A drop-down of values.

    Parameters
    ----------
    letters
        How many it shows even where there is little room.
    """

    chosen = Signal(object)

    def __init__(self, tooltip: str, letters: int = 6) -> None:
        super().__init__()
        self.setToolTip(tooltip)
        self.setMinimumContentsLength(letters)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(lambda index: self.chosen.emit(self.itemData(index)))

    def offer(self, choices: Sequence[Choice], current: Hashable) -> None:
        """Replace what can be chosen and show what is."""
        if choices != [(self.itemData(i), self.itemText(i)) for i in range(self.count())]:
            self.clear()
            for value, words in choices:
                self.addItem(words, value)
        self.setCurrentIndex(next((i for i, (v, _) in enumerate(choices) if v == current), -1))


class ChoiceBar(QWidget):
    """Which FOV, channel and feature are plotted."""

    def __init__(self) -> None:
        super().__init__()
        self.fov = ChoiceBox("The field of view; it moves with the position slider.", letters=8)
        self.channel = ChoiceBox("The channel in which cells were measured.", letters=4)
        self.feature = ChoiceBox("What is plotted.")
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.addRow("FOV", beside(self.fov, QLabel("Channel"), self.channel, stretch=(4, 0, 3)))
        layout.addRow("Feature", self.feature)


class MarkBar(QWidget):
    """Buttons that judge the selected trace and step through all."""

    asked = Signal(str)
    """What a button asks for, in the words of the plot's keys."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        for action, text, tooltip in (
            ("previous", "◀", "Select the trace before (P or ↑ in the plot)."),
            ("next", "▶", "Select the next trace (N or ↓ in the plot)."),
            ("good", "Good", "Mark the selected trace as good (G in the plot)."),
            ("bad", "Not good", "Mark the selected trace as not good (B in the plot)."),
            ("undo", "Undo", "Take the last mark back (Ctrl+Z in the plot)."),
            ("redo", "Redo", "Give the mark again (Ctrl+Shift+Z in the plot)."),
        ):
            self.buttons[action] = self._button(action, text, tooltip)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for button in self.buttons.values():
            layout.addWidget(button, 0 if len(button.text()) == 1 else 1)

    def enable(self, *, some: bool, selected: bool, undo: bool, redo: bool) -> None:
        """Enable what can be done."""
        for action, on in {
            **dict.fromkeys(("previous", "next"), some),
            **dict.fromkeys(("good", "bad"), selected),
            "undo": undo,
            "redo": redo,
        }.items():
            self.buttons[action].setEnabled(on)

    def _button(self, action: str, text: str, tooltip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tooltip)
        if len(text) == 1:
            button.setMaximumWidth(32)
        button.clicked.connect(lambda: self.asked.emit(action))
        return button


class FilterBar(QWidget):
    """Which traces are shown."""

    changed = Signal(object)
    """The `ViewFilter`."""

    def __init__(self) -> None:
        super().__init__()
        self.length = _count(1, _MOST_FRAMES, "Fewest frames in which a cell was measured.")
        self.border = _count(0, _MOST_PIXELS, "Smallest distance of a cell from the image border.")
        self.low = _limit("lowest", "Lowest mean of the feature over a trace.")
        self.high = _limit("highest", "Highest mean of the feature over a trace.")
        self.rejected = QCheckBox("Show traces that are not good")
        self.rejected.setChecked(True)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        border = QLabel("Border (px)")
        layout.addRow(
            "Length (frames)", beside(self.length, border, self.border, stretch=(1, 0, 1))
        )
        self.mean = QLabel("Mean value")
        layout.addRow(self.mean, beside(self.low, QLabel("to"), self.high, stretch=(1, 0, 1)))
        layout.addRow(self.rejected)
        for box in (self.length, self.border):
            box.valueChanged.connect(self._on_changed)
        for edit in (self.low, self.high):
            edit.textChanged.connect(self._on_changed)
        self.rejected.toggled.connect(self._on_changed)

    def name_unit(self, unit: str) -> None:
        """Say in which unit the feature is that is limited."""
        self.mean.setText(f"Mean value ({unit})" if unit else "Mean value")

    @property
    def view_filter(self) -> ViewFilter:
        """What is set."""
        return ViewFilter(
            min_length=self.length.value(),
            min_border=self.border.value(),
            low=self.low.number,
            high=self.high.number,
            hide_rejected=not self.rejected.isChecked(),
        )

    def _on_changed(self) -> None:
        self.changed.emit(self.view_filter)


def beside(*parts: QWidget, stretch: Sequence[int] = ()) -> QWidget:
    """Put widgets on one line."""
    line = QWidget()
    layout = QHBoxLayout(line)
    layout.setContentsMargins(0, 0, 0, 0)
    for i, part in enumerate(parts):
        layout.addWidget(part, stretch[i] if stretch else 1)
    return line


def _count(lowest: int, highest: int, tooltip: str) -> WholeNumberBox:
    box = WholeNumberBox(lowest, highest)
    box.setToolTip(f"{tooltip} Other traces are hidden.")
    box.refused.connect(warn)
    return box


def _limit(placeholder: str, tooltip: str) -> NumberLine:
    return NumberLine(placeholder, f"{tooltip} Traces beyond it are hidden; empty is no limit.")
