"""A ring in the image around the selected cell."""

from typing import Any, Final

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_pyama.layers import ORIGIN, Origin
from napari_pyama.traces.trace_set import Table
from pyama_core.columns import AREA, FRAME, POSITION_X, POSITION_Y

RING: Final = "selected cell"
"""Name and role of the layer."""

_WIDER: Final = 1.5
"""How much wider than the cell its ring is."""
_AREA_IF_UNKNOWN: Final = 300.0


class Ring:
    """A points layer with one ring per frame of a trace, made when it is first needed."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None

    def show(self, origin: Origin, rows: Table, fov: int, color: Any) -> None:
        """Draw the ring of a trace in its color; none where it has no positions.

        Parameters
        ----------
        origin
            Of a layer that the ring is to lie on.
        rows
            The rows of one trace.
        fov
            Whose trace it is.
        color
            RGBA.
        """
        if POSITION_X not in rows or POSITION_Y not in rows or not len(rows[FRAME]):
            self.remove()
            return
        points = _points(rows, fov, origin.axes.order, origin.source.metadata.n_z // 2)
        look = {"size": _diameters(rows), "border_color": np.tile(color, (len(points), 1))}
        if self._is_there and self._layer.metadata[ORIGIN].axes == origin.axes:
            self._replace(points, look)
        else:
            self.remove()
            self._add(origin, points, look)

    def remove(self) -> None:
        """Take the layer out of the viewer, unless the user has done so."""
        if self._is_there:
            self._viewer.layers.remove(self._layer)
        self._layer = None

    @property
    def _is_there(self) -> bool:
        return self._layer is not None and self._layer in self._viewer.layers

    def _add(self, origin: Origin, points: NDArray[np.float64], look: dict[str, Any]) -> None:
        arguments = {
            **origin.axes.layer_arguments(),
            **look,
            "name": RING,
            "face_color": "transparent",
            "border_width": 0.07,
            "metadata": {ORIGIN: Origin(origin.source, origin.axes, RING)},
        }
        active = self._viewer.layers.selection.active
        self._layer = self._viewer.add_layer(Layer.create(points, arguments, "points"))
        self._viewer.layers.selection.active = active

    def _replace(self, points: NDArray[np.float64], look: dict[str, Any]) -> None:
        with self._layer.events.blocker_all():
            self._layer.data = points
            self._layer.face_color = "transparent"
            self._layer.border_color = look["border_color"]
        self._layer.size = look["size"]
        self._layer.refresh()


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
