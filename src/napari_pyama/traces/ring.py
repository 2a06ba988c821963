"""A ring in the image around the selected cell."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from napari_pyama.axes import stack_axes
from napari_pyama.layers import ORIGIN, Origin
from napari_pyama.traces.trace_set import Table
from pyama_core.columns import AREA, FRAME, POSITION_X, POSITION_Y
from pyama_core.io import MicroscopyFile

RING: Final = "selected cell"
"""Name and role of the layer."""

_WIDER: Final = 1.5
"""How much wider than the cell its ring is."""
_AREA_IF_UNKNOWN: Final = 300.0


class Ring:
    """A points layer with one ring per frame of a trace; it is there while a cell is selected."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None

    def show(self, source: MicroscopyFile, rows: Table, fov: int, color: Any) -> None:
        """Draw the ring of a trace in its color; none where it has no positions.

        Parameters
        ----------
        source
            The experiment, for the scale.
        rows
            The rows of one trace.
        fov
            Whose trace it is.
        color
            RGBA.
        """
        self.remove()
        if POSITION_X not in rows or POSITION_Y not in rows or not len(rows[FRAME]):
            return
        axes = stack_axes(source.metadata)
        active = self._viewer.layers.selection.active
        self._layer = self._viewer.add_points(
            _points(rows, fov, axes.order, source.metadata.n_z // 2),
            **axes.layer_arguments(),
            name=RING,
            size=_diameters(rows),
            face_color="transparent",
            border_color=np.broadcast_to(color, (len(rows[FRAME]), 4)),
            border_width=0.1,
            metadata={ORIGIN: Origin(source, axes, RING)},
        )
        self._viewer.layers.selection.active = active

    def remove(self) -> None:
        """Take the layer out of the viewer, unless the user has done so."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        self._layer = None


def _points(rows: Table, fov: int, order: str, z: int) -> NDArray[np.float64]:
    frames = rows[FRAME].astype(np.float64)
    columns = {
        "p": np.full_like(frames, fov),
        "t": frames,
        "z": np.full_like(frames, z),
        "y": rows[POSITION_Y],
        "x": rows[POSITION_X],
    }
    return np.column_stack([columns[axis] for axis in order])


def _diameters(rows: Table) -> NDArray[np.float64]:
    areas = rows[AREA] if AREA in rows else np.full(len(rows[FRAME]), _AREA_IF_UNKNOWN)
    return np.asarray(_WIDER * 2 * np.sqrt(areas / np.pi))
