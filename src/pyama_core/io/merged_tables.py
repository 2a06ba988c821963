"""The tables of one sample: the traces of several fields of view, wide and tidy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.columns import (
    AREA,
    BBOX,
    CELL,
    CHANNEL,
    FOV,
    FRAME,
    GOOD,
    INTENSITY_TOTAL,
    PIXEL_SIZE,
    TIME,
    TRACE_COLUMNS,
)
from pyama_core.errors import InputError
from pyama_core.io.atomic import atomic_write, remove_partials_of
from pyama_core.io.text_table import COMMENT, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from pyama_core.io.trace_table import Table

VALUE: Final = "value"
"""The column of a merged tidy table that holds the feature."""

_FEATURES_OF_ALL: Final = frozenset((INTENSITY_TOTAL, AREA))
_NO_FEATURES: Final = frozenset((*TRACE_COLUMNS, *BBOX, CHANNEL, PIXEL_SIZE)) - _FEATURES_OF_ALL
_LONGEST_NAME: Final = 230
"""Bytes; disks take 255, of which the name of the unfinished file needs some more."""


class MergedTables:
    """Writes the tables of samples, all of which appear when the stack is closed without error.

    Parameters
    ----------
    folder
        Where they go.
    time_units
        What the line above the tables says.
    stack
        Holds the unfinished files.
    """

    def __init__(self, folder: Path, time_units: str, stack: ExitStack) -> None:
        self._folder = folder
        self._first_line = f"{COMMENT} Time units: {' '.join(time_units.split()) or 'min'}\n"
        self._stack = stack
        self._names: set[str] = set()

    def write(
        self, stem: str, tables: Mapping[int, Table], feature: str, *, all_rows: bool
    ) -> list[Path]:
        """Write the wide and the tidy table of one feature; return their paths."""
        rows = _rows(tables, feature, all_rows)
        wide, tidy = self._path(f"{stem}.csv"), self._path(f"{stem}_tidy.csv")
        self._write(wide, _wide(rows, _mean_times(tables)))
        self._write(tidy, rows[[TIME, FOV, CELL, VALUE]])
        return [wide, tidy]

    def _path(self, name: str) -> Path:
        if len(name.encode()) > _LONGEST_NAME:
            raise InputError(
                f'The name of the table "{shortened(name)}" is longer than {_LONGEST_NAME} bytes: '
                "give the sample a shorter name."
            )
        if name.casefold() in self._names:
            raise InputError(f'Two tables would be called "{name}": give the samples other names.')
        self._names.add(name.casefold())
        return self._folder / name

    def _write(self, path: Path, table: pd.DataFrame) -> None:
        remove_partials_of(path)
        partial = self._stack.enter_context(atomic_write(path))
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.write(self._first_line)
            table.to_csv(file, index=False, float_format="%.6f", lineterminator="\n")


def features_of(tables: Mapping[int, Table]) -> list[str]:
    """Return every feature of any table, in their order."""
    found = dict.fromkeys(
        name
        for table in tables.values()
        for name, column in table.items()
        if name not in _NO_FEATURES and column.dtype.kind in "iuf"
    )
    return list(found)


def _rows(tables: Mapping[int, Table], feature: str, all_rows: bool) -> pd.DataFrame:
    """Join one feature of several fields of view: frame, time, fov, cell and value."""
    import pandas as pd

    frames = [
        pd.DataFrame(
            {
                FRAME: table[FRAME],
                TIME: table[TIME],
                FOV: fov,
                CELL: table[CELL],
                VALUE: _values(table[feature]),
            }
        ).loc[table[GOOD] | all_rows]
        for fov, table in tables.items()
        if feature in table
    ]
    rows = pd.concat(frames, ignore_index=True)
    return rows.sort_values([FOV, CELL, FRAME], kind="stable", ignore_index=True)


def _values(column: NDArray[Any]) -> NDArray[np.float64]:
    """Return a feature as numbers; it is text where a field of view has no value of it."""
    if column.dtype.kind in "iuf":
        return column.astype(np.float64)
    return np.full(len(column), np.nan)


def _wide(rows: pd.DataFrame, times: pd.Series[float]) -> pd.DataFrame:
    """Give each frame a row and each cell a column."""
    import pandas as pd

    wide = rows.pivot(index=FRAME, columns=[FOV, CELL], values=VALUE)
    cells: Any = wide.columns
    wide.columns = pd.Index([f"fov_{fov:03d}_cell_{cell}" for fov, cell in cells], dtype=object)
    wide.insert(0, TIME, times.reindex(wide.index))
    return wide


def _mean_times(tables: Mapping[int, Table]) -> pd.Series[float]:
    """Return the mean time of each frame over the fields of view, however many cells they have."""
    import pandas as pd

    of_fovs = [
        pd.Series(table[TIME], dtype=np.float64).groupby(table[FRAME]).mean()
        for table in tables.values()
    ]
    joined = pd.concat(of_fovs)
    return joined.groupby(level=0).mean()
