"""Write what is shown: the picture of the plot, and the table of its traces."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_pyama.background.task import Report, Task
from napari_pyama.traces.inspection import Curve, Inspection, Spread
from napari_pyama.traces.labels import reason_of
from napari_pyama.traces.trace_set import Table
from napari_pyama.widgets.messages import notify, notify_error
from pyama_core.columns import GOOD, REASON
from pyama_core.errors import InputError
from pyama_core.io.atomic import atomic_write
from pyama_core.io.tables import write_table

PICTURES = (".png", ".svg")
"""The kinds of pictures, by the suffix of their names."""

_DOTS_PER_INCH = 200


@dataclass(frozen=True)
class Picture:
    """A plot as it is written to a file."""

    title: str
    x_label: str
    y_label: str
    good: Curve
    rejected: Curve
    selected: Curve | None = None
    color: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0)
    """Of the selected trace."""
    selected_name: str = ""
    spread: Spread | None = None
    spread_name: str = ""


def table_of_shown(inspection: Inspection) -> Table:
    """Return the rows of all traces that are shown, with the marks in them."""
    traces, good = inspection.traces, inspection.good
    rows = inspection.shown[traces.owner]
    table = {name: column[rows] for name, column in traces.table.items()}
    table[GOOD] = good[traces.owner][rows]
    if REASON in table:
        table[REASON] = _reasons(inspection)[traces.owner][rows]
    return table


def _reasons(inspection: Inspection) -> NDArray[Any]:
    """Say of each trace why it is not good, empty for good ones."""
    judged = zip(inspection.traces.cells.tolist(), inspection.good.tolist(), strict=True)
    words = ["" if good else reason_of(inspection, cell) for cell, good in judged]
    return np.array(words, dtype=object)


def write_shown(path: Path, table: Table) -> None:
    """Write a table as a CSV file that appears whole; its name gets that suffix."""
    write_table(path.with_suffix(".csv"), table)


def write_picture(path: Path, picture: Picture) -> None:
    """Draw a plot into a PNG or SVG file that appears whole.

    Raises
    ------
    InputError
        The name ends otherwise.
    """
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"{path.name} cannot be drawn: give it a name that ends in .png or .svg.")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.5), dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    _draw(axes, picture)
    axes.set(title=picture.title, xlabel=picture.x_label, ylabel=picture.y_label)
    axes.spines[["top", "right"]].set_visible(False)
    with atomic_write(path) as partial:
        figure.savefig(partial)


def _draw(axes: Any, picture: Picture) -> None:
    _draw_curve(axes, picture.rejected, color="0.8", linewidth=0.6, linestyle=":")
    _draw_curve(axes, picture.good, color="0.55", linewidth=0.6)
    if picture.spread is not None:
        spread = picture.spread
        axes.fill_between(spread.x, spread.low, spread.high, color="0.2", alpha=0.2, linewidth=0)
        axes.plot(spread.x, spread.middle, color="0.1", linewidth=2, label=picture.spread_name)
    if picture.selected is not None:
        color, name = picture.color, picture.selected_name
        _draw_curve(axes, picture.selected, color=color, linewidth=2, label=name)
    if picture.spread is not None or picture.selected is not None:
        axes.legend(frameon=False)


def _draw_curve(axes: Any, curve: Curve, **style: Any) -> None:
    """Draw a curve as one line with gaps."""
    ends = np.flatnonzero(curve.connect == 0) + 1
    axes.plot(np.insert(curve.x, ends, np.nan), np.insert(curve.y, ends, np.nan), **style)


_PICTURES: Final = "Picture (*.png);;Drawing (*.svg)"
_TABLES: Final = "Table (*.csv)"

Write = Callable[[Path], None]


class ExportBar(QWidget):
    """Asks for a file and writes it off the GUI thread.

    Parameters
    ----------
    inspection
        Gives what is shown; None where nothing is.
    picture
        Gives the plot that is shown.
    """

    written = Signal(object)
    """The path of a file that is there."""

    def __init__(
        self, inspection: Callable[[], Inspection | None], picture: Callable[[], Picture]
    ) -> None:
        super().__init__()
        self._inspection, self._picture = inspection, picture
        self.plot = QPushButton("Export plot…")
        self.plot.setToolTip("Draw what is shown into a PNG or SVG file.")
        self.table = QPushButton("Export table…")
        self.table.setToolTip("Write the traces that are shown, with your marks, to a CSV file.")
        self._task = Task(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        layout.addWidget(self.table)
        self.plot.clicked.connect(self._on_plot)
        self.table.clicked.connect(self._on_table)
        self._task.succeeded.connect(self._on_written)
        self._task.failed.connect(notify_error)
        self._task.finished.connect(lambda: self._allow(True))

    def close_down(self) -> None:
        """Report nothing more; a file that is being written still appears whole."""
        self._task.close()

    def _on_plot(self) -> None:
        inspection = self._inspection()
        path = self._ask("Export plot", "png", _PICTURES) if inspection else None
        if path is not None:
            picture = self._picture()
            self._write(path, lambda file: write_picture(file, picture))

    def _on_table(self) -> None:
        inspection = self._inspection()
        path = self._ask("Export table", "csv", _TABLES) if inspection else None
        if path is not None and inspection is not None:
            table = table_of_shown(inspection)
            self._write(path, lambda file: write_shown(file, table))

    def _ask(self, title: str, suffix: str, kinds: str) -> Path | None:
        """Return the chosen path, with the suffix of the chosen kind where it has none."""
        inspection = self._inspection()
        assert inspection is not None
        name = f"{inspection.path.stem}_{inspection.feature}.{suffix}"
        chosen, kind = QFileDialog.getSaveFileName(self, title, name, kinds)
        if not chosen:
            return None
        path = Path(chosen)
        known = PICTURES if suffix == "png" else (f".{suffix}",)
        if path.suffix.lower() in known:
            return path
        return path.with_name(path.name + (".svg" if "svg" in kind else f".{suffix}"))

    def _write(self, path: Path, write: Write) -> None:
        def work(_report: Report, _cancel: threading.Event) -> Path:
            write(path)
            return path

        if not self._task.running:
            self._allow(False)
            self._task.start(work)

    def _on_written(self, path: Path) -> None:
        notify(f"Written: {path}")
        self.written.emit(path)

    def _allow(self, on: bool) -> None:
        self.plot.setEnabled(on)
        self.table.setEnabled(on)
