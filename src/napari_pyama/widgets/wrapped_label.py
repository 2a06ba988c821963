"""A text of several lines that is never cut."""

from typing import Any

from qtpy.QtWidgets import QLabel


class WrappedLabel(QLabel):
    """A label that asks for the height its text needs at its width.

    A plain label with word wrap asks for the height at a width of its own choice, so that a form
    in a narrow dock cuts its text.

    Parameters
    ----------
    text
        What it shows at first.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)

    def setText(self, text: str | None) -> None:
        """Show a text."""
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: Any) -> None:
        """Ask for the height at the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(self.heightForWidth(self.width()) if self.text() else 0)
