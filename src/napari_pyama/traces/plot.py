"""The plot: all traces as curves, the selected one on top, the time cursor."""

from dataclasses import dataclass
from typing import Any, Final

from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QPen

from napari_pyama.traces.inspection import Curve, Spread, trace_at

import pyqtgraph as pg  # isort: skip  # after qtpy, whose choice of binding it follows

ACTIONS: Final = {
    Qt.Key.Key_G: "good",
    Qt.Key.Key_B: "bad",
    Qt.Key.Key_N: "next",
    Qt.Key.Key_P: "previous",
    Qt.Key.Key_Down: "next",
    Qt.Key.Key_Up: "previous",
    Qt.Key.Key_Right: "later",
    Qt.Key.Key_Left: "earlier",
    Qt.Key.Key_Escape: "deselect",
}
"""What a key asks for while the plot has the focus."""

KEYS: Final = (
    "Click a trace to find its cell; double-click to see all. Then: ↑ ↓ other traces, ← → other "
    "frames, G good, B not good, Ctrl+Z undo, Esc no selection."
)
"""How the plot is used."""


@dataclass(frozen=True, slots=True)
class PlotColors:
    """Colors that follow napari's theme."""

    background: QColor
    text: QColor
    highlight: QColor


class TracePlot(pg.PlotWidget):
    """Draws curves of one inspection and says what the user does with them."""

    picked = Signal(int, float)
    """Index of the clicked trace, and the minutes at which it was clicked."""
    cursor_dragged = Signal(float)
    """Minutes to which the time cursor was dragged."""
    cursor_released = Signal()
    asked = Signal(str)
    """What a key asks for."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False, axisItems={"left": _Values("left")})
        self._good, self._rejected = _line(), _line()
        self._band = _Band()
        self._selected = _line(antialias=True)
        self._cursor = pg.InfiniteLine(angle=90, movable=True)
        self._curves: tuple[Curve, ...] = ()
        items = [self._rejected, self._good, *self._band.items, self._selected, self._cursor]
        for item in items:
            self.addItem(item, ignoreBounds=item in (self._selected, self._cursor))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(KEYS)
        for name in ("left", "bottom"):
            self.getAxis(name).enableAutoSIPrefix(False)
        self._cursor.sigDragged.connect(self._on_dragged)
        self._cursor.sigPositionChangeFinished.connect(self.cursor_released)
        self.scene().sigMouseClicked.connect(self._on_clicked)

    def sizeHint(self) -> QSize:
        """Ask for less height than pyqtgraph does: the controls are to be seen as well."""
        return QSize(400, self.minimumHeight())

    def show_curves(self, good: Curve, rejected: Curve) -> None:
        """Replace all traces."""
        self._curves = (good, rejected)
        _set(self._good, good)
        _set(self._rejected, rejected)

    def clear_curves(self) -> None:
        """Draw nothing."""
        self._curves = ()
        for item in (self._good, self._rejected, self._selected):
            _set(item, None)
        self.show_spread(None)

    def show_selected(self, curve: Curve | None, color: Any) -> None:
        """Draw one trace on top, in its own color."""
        _set(self._selected, curve)
        self._selected.setPen(_pen(QColor.fromRgbF(*map(float, color)), 2.5))

    def show_spread(self, spread: Spread | None) -> None:
        """Draw a middle line with a band."""
        self._band.show(spread)

    def show_cursor(self, minutes: float | None) -> None:
        """Put the time cursor somewhere; None hides it."""
        self._cursor.setVisible(minutes is not None)
        if minutes is not None and not self._cursor.moving:
            self._cursor.setPos(minutes)

    def show_labels(self, x: str, y: str) -> None:
        """Name the axes."""
        self.setLabel("bottom", x)
        self.setLabel("left", y)

    def show_all(self) -> None:
        """Zoom so that all traces are in view."""
        self.getPlotItem().enableAutoRange()

    def set_colors(self, colors: PlotColors) -> None:
        """Follow a theme."""
        self.setBackground(colors.background)
        self._selected.setShadowPen(_pen(colors.text, 4))
        for name in ("left", "bottom"):
            self.getAxis(name).setPen(_pen(colors.text))
            self.getAxis(name).setTextPen(_pen(colors.text))
        self._good.setPen(_pen(_mixed(colors.text, colors.background, 0.55)))
        self._rejected.setPen(_pen(_mixed(colors.text, colors.background, 0.22)))
        self._band.set_color(colors.text)
        self._cursor.setPen(_pen(colors.highlight, 2))
        self._cursor.setHoverPen(_pen(colors.text, 3))

    def event(self, event: QEvent) -> bool:
        """Claim our keys before menus do."""
        if event.type() == QEvent.Type.ShortcutOverride and _action(event) is not None:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tell what our keys ask for."""
        action = _action(event)
        if action is None:
            super().keyPressEvent(event)
        else:
            event.accept()
            self.asked.emit(action)

    def _on_dragged(self) -> None:
        self.cursor_dragged.emit(float(self._cursor.value()))

    def _on_clicked(self, event: Any) -> None:
        """Select the trace under a click; pyqtgraph tells clicks from drags."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.double():
            self.show_all()
            return
        box = self.getPlotItem().getViewBox()
        point, pixel = box.mapSceneToView(event.scenePos()), box.viewPixelSize()
        for curve in self._curves:
            index = trace_at(curve, point.x(), point.y(), pixel)
            if index is not None:
                self.picked.emit(index, float(point.x()))
                return


class _Values(pg.AxisItem):
    """An axis that writes large numbers in groups of three digits."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Write the values of ticks."""
        return [f"{value * scale:,.10g}" for value in values]


class _Band:
    """A middle line and the filled space between two others."""

    def __init__(self) -> None:
        self._low, self._high = _line(), _line()
        self._middle = _line(antialias=True)
        self._fill = pg.FillBetweenItem(self._low, self._high)
        self.items = [self._fill, self._middle]

    def show(self, spread: Spread | None) -> None:
        for item in self.items:
            item.setVisible(spread is not None)
        if spread is not None:
            self._low.setData(spread.x, spread.low)
            self._high.setData(spread.x, spread.high)
            self._middle.setData(spread.x, spread.middle)

    def set_color(self, color: QColor) -> None:
        faint = QColor(color)
        faint.setAlphaF(0.25)
        self._fill.setBrush(faint)
        self._middle.setPen(_pen(color, 2))


def _line(*, antialias: bool = False) -> Any:
    return pg.PlotCurveItem(antialias=antialias, skipFiniteCheck=True)


def _set(item: Any, curve: Curve | None) -> None:
    if curve is None or not len(curve.x):
        item.setData([], [])
    else:
        item.setData(curve.x, curve.y, connect=curve.connect)


def _pen(color: QColor, width: float = 1.0) -> QPen:
    pen = QPen(color, width)
    pen.setCosmetic(True)
    return pen


def _mixed(color: QColor, other: QColor, share: float) -> QColor:
    """Mix two colors to an opaque one, which draws much faster than a translucent one."""
    parts = zip(color.getRgbF()[:3], other.getRgbF()[:3], strict=True)
    return QColor.fromRgbF(*(share * a + (1 - share) * b for a, b in parts))


def _action(event: Any) -> str | None:
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    control = modifiers & Qt.KeyboardModifier.ControlModifier
    if not control:
        return ACTIONS.get(event.key()) if not modifiers else None
    if event.key() == Qt.Key.Key_Z:
        return "redo" if modifiers & Qt.KeyboardModifier.ShiftModifier else "undo"
    return "redo" if event.key() == Qt.Key.Key_Y else None
