"""Fields for numbers that never hold another number than the one that was typed.

Qt's own fields leave out every key that does not fit: of ``0.5`` a German system keeps ``05``, and
of ``1e3`` and ``5000`` a field up to 100 keeps ``13`` and ``50``. Here whatever is typed stays to
be seen, and is taken as a whole or refused as a whole.
"""

import re
from decimal import Decimal
from typing import Any, Final

from qtpy.QtCore import QLocale, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QLineEdit

MAX_DECIMALS: Final = 10
"""Digits after the decimal sign that a field keeps."""

_NUMBER: Final = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_MAY_BE_GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}", re.ASCII)
_MINUS: Final = "\N{MINUS SIGN}"
_ERROR_STYLE: Final = "border: 1px solid #d9534f"


def parse_number(text: str) -> Decimal:
    """Read a number as people type it.

    Point and comma are decimal signs both. Separators of thousands are refused: where a sign is
    one in the user's language and may be meant as one, as in ``1,000`` in English, too.

    Raises
    ------
    ValueError
        It is not such a number; says why.
    """
    text = text.strip().replace(_MINUS, "-")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f'"{text}" is not a number: write it like 1250 or 0.5.')
    grouped = _MAY_BE_GROUPED.fullmatch(text)
    if grouped and grouped[1] == QLocale().groupSeparator():
        plain, fraction = text.replace(grouped[1], ""), Decimal(text.replace(",", ".")).normalize()
        raise ValueError(f'"{text}" has two meanings: write {plain} or {fraction:f}.')
    return Decimal(text.replace(",", "."))


class NumberBox(QDoubleSpinBox):
    """A spin box for a number between limits.

    What is typed counts when it is complete: at Enter, or when the focus leaves. What cannot be
    taken is replaced by the number before, and `refused` says why.

    Parameters
    ----------
    lower, upper, step
        Limits, and what an arrow adds.
    """

    refused = Signal(str)
    """Why what was typed is not taken; empty as soon as something else is typed."""

    def __init__(self, lower: float, upper: float, step: float = 1.0) -> None:
        super().__init__()
        self._whole = False
        self.setDecimals(MAX_DECIMALS)
        self.setRange(lower, upper)
        self.setSingleStep(step)
        self.setKeyboardTracking(False)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("0" * 6) + 40)
        line = self.lineEdit()
        assert line is not None
        line.textEdited.connect(lambda: self.refused.emit(""))

    def validate(self, text: str | None, pos: int) -> tuple[QValidator.State, str, int]:
        """Let anything be typed; only what is a number within the limits can be taken."""
        text = text or ""
        try:
            self._parse(text)
        except ValueError:
            return QValidator.State.Intermediate, text, pos
        return QValidator.State.Acceptable, text, pos

    def fixup(self, text: str | None) -> str:
        """Say why a text is not taken; Qt then goes back to the number before."""
        try:
            self._parse(text or "")
        except ValueError as error:
            self.refused.emit(str(error))
        return text or ""

    def valueFromText(self, text: str | None) -> float:
        """Return the number of a text that can be taken."""
        return float(self._parse(text or ""))

    def textFromValue(self, value: float) -> str:
        """Write a number with as many decimals as it or a step of the arrows needs."""
        digits = max(decimals_of(value), decimals_of(self.singleStep()))
        return f"{value:.{min(digits, self.decimals())}f}"

    def _parse(self, text: str) -> Decimal:
        value = self.value()
        if text.strip() == self.textFromValue(value):
            return Decimal(repr(float(value)))
        number = parse_number(text)
        self._check(number, text.strip())
        return number

    def _check(self, number: Decimal, text: str) -> None:
        lowest, highest = self.minimum(), self.maximum()
        if number < Decimal(repr(lowest)):
            raise ValueError(f'"{text}" is too low: {lowest:.12g} is the lowest value.')
        if number > Decimal(repr(highest)):
            raise ValueError(f'"{text}" is too high: {highest:.12g} is the highest value.')
        if self._whole and number != number.to_integral_value():
            raise ValueError(f'"{text}" is not a whole number.')
        if round(number, MAX_DECIMALS) != number:
            raise ValueError(f'"{text}" has more than {MAX_DECIMALS} decimals.')


class WholeNumberBox(NumberBox):
    """The same for whole numbers."""

    def __init__(self, lower: int, upper: int, step: int = 1) -> None:
        super().__init__(lower, upper, step)
        self._whole = True
        self.setDecimals(0)

    def value(self) -> int:
        """Return the number."""
        return int(super().value())


class NumberLine(QLineEdit):
    """A line for a number, or for none.

    Parameters
    ----------
    placeholder, tooltip
        What the number is.
    """

    def __init__(self, placeholder: str, tooltip: str) -> None:
        super().__init__()
        self._tooltip = tooltip
        self.setPlaceholderText(placeholder)
        self.setToolTip(tooltip)
        self.textChanged.connect(self._on_text)

    @property
    def number(self) -> float | None:
        """The number; None where the line is empty or holds none."""
        try:
            return float(parse_number(self.text()))
        except ValueError:
            return None

    def _on_text(self, text: str) -> None:
        """Show that a text is no number."""
        problem = ""
        try:
            parse_number(text or "0")
        except ValueError as error:
            problem = str(error)
        self.setStyleSheet(_ERROR_STYLE if problem else "")
        self.setToolTip(problem or self._tooltip)


def decimals_of(value: Any) -> int:
    """Return how many decimals a number has when it is written in full."""
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
