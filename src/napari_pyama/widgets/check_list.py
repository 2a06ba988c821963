"""Choose several of a list of names."""

from collections.abc import Iterable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem


class CheckList(QListWidget):
    """A list of names with a box each.

    Parameters
    ----------
    names
        What may be chosen.
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        for name in names:
            self._add(name)
        self.setMaximumHeight(130)
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(self.sizeHintForColumn(0) + bar + 2 * self.frameWidth())
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def check(self, names: Sequence[str]) -> None:
        """Check these names and no others; unknown ones are added."""
        for name in set(names) - {item.text() for item in self._items()}:
            self._add(name)
        for item in self._items():
            on = item.text() in names
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def checked(self) -> tuple[str, ...]:
        """Return the checked names in the list's order."""
        on = (item for item in self._items() if item.checkState() == Qt.CheckState.Checked)
        return tuple(item.text() for item in on)

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]

    def _add(self, name: str) -> None:
        item = QListWidgetItem(name, self)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Unchecked)
