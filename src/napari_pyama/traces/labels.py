"""What the dock says of the selected cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from napari_pyama.session.view import ResultsInView
from napari_pyama.traces.inspection import Inspection
from napari_pyama.widgets.messages import counted
from pyama_core.columns import CELL, FIRST_FRAME, PARENT
from pyama_core.io.inspection import REJECTED

_NO_PARENT: Final = 0


@dataclass(frozen=True, slots=True)
class Relatives:
    """The nearest relatives of a cell."""

    parent: int | None = None
    daughters: tuple[int, ...] = ()
    divides_at: int | None = None
    """First frame of the daughters."""


def relatives_of(lineage: Mapping[str, NDArray[Any]], cell: int) -> Relatives:
    """Look a cell up in a lineage table; an empty table knows nobody."""
    if CELL not in lineage or PARENT not in lineage:
        return Relatives()
    parents = lineage[PARENT][lineage[CELL] == cell]
    is_daughter = lineage[PARENT] == cell
    daughters = tuple(int(daughter) for daughter in np.sort(lineage[CELL][is_daughter]))
    return Relatives(
        parent=int(parents[0]) if len(parents) and parents[0] != _NO_PARENT else None,
        daughters=daughters,
        divides_at=int(lineage[FIRST_FRAME][is_daughter].min()) if daughters else None,
    )


def in_words(cell: int, relatives: Relatives) -> str:
    """Say who a cell is, such as ``cell 12, daughter of 5, divides at frame 30 into 17, 18``."""
    parts = [f"cell {cell}"]
    if relatives.parent is not None:
        parts.append(f"daughter of {relatives.parent}")
    if relatives.daughters:
        names = ", ".join(map(str, relatives.daughters))
        parts.append(f"divides at frame {relatives.divides_at} into {names}")
    return ", ".join(parts)


NO_SELECTION: Final = "No cell selected: click a trace, or a cell in the image."


def describe_source(results: ResultsInView, scratch: Path) -> str:
    """Name the experiment and the folder that its traces are from.

    Parameters
    ----------
    scratch
        The folder of what was run in this session, whose name says nothing.
    """
    name = f"<b>{results.view.source.metadata.base_name}</b>"
    tables = [path for _, path in results.files(results.view.fov).traces_csv]
    if tables and tables[0].is_relative_to(scratch):
        return f"{name}, run in this session"
    folder = tables[0].parent.parent.name if tables else ""
    alone = results.view.source.metadata.base_name in (folder, tables[0].stem if tables else "")
    return name if alone or not folder else f"{name} in {folder}"


def describe_selected(inspection: Inspection) -> str:
    """Say who the selected cell is, where it comes from, and whether its trace is good."""
    cell = inspection.selected
    if cell is None:
        return NO_SELECTION
    words = in_words(cell, relatives_of(inspection.fov_traces.lineage, cell))
    index = inspection.selected_index
    if index is None:
        return f"{words}; it has no trace in this channel"
    n = int(inspection.traces.lengths[index])
    return f"{words}; {counted(n, 'frame')}, {_verdict(inspection, index)}"


def reason_of(inspection: Inspection, cell: int) -> str:
    """Return why a trace that is not good is not."""
    mark = inspection.fov_traces.marks.of(inspection.path).get(cell)
    return REJECTED if mark is False else inspection.traces.reasons.get(cell, "")


def _verdict(inspection: Inspection, index: int) -> str:
    if inspection.good[index]:
        return "good"
    reason = reason_of(inspection, int(inspection.traces.cells[index]))
    return f"not good ({reason})" if reason else "not good"


def label_of(column: str, unit: str) -> str:
    """Name a column with its unit as an axis or a drop-down shows it."""
    words = column.replace("_", " ").capitalize()
    return f"{words} ({unit})" if unit else words
