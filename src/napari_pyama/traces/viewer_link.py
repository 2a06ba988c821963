"""What the viewer and the plot tell each other: FOV, frame and selected cell."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_pyama.layers.raw import FILES, ORIGIN, FilesOf, Origin, origin_of
from napari_pyama.layers.results import CELLS
from napari_pyama.session.view import ResultsInView, results_in_view
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


_CLICK_REACH: Final = 4.0
"""Screen pixels that the mouse may move in a click."""
_INSIDE: Final = 0.7
"""How far from the middle of the view, as a share of the way to its edge, a cell comes to lie."""


class ViewerLink:
    """The viewer's side of the plot.

    Parameters
    ----------
    viewer
        A viewer, or a `ViewerModel` where there is no window.
    on_moved
        Called when layers or sliders change what is in view.
    on_cell
        Called with the cell that the user selects in a labels layer.
    """

    def __init__(
        self, viewer: Any, on_moved: Callable[[], None], on_cell: Callable[[int], None]
    ) -> None:
        self._viewer, self._on_moved, self._on_cell = viewer, on_moved, on_cell
        self._ring = Ring(viewer)
        self._followed: list[Any] = []
        self._selecting = False
        for event in self._events():
            event.connect(self._on_view)
        viewer.mouse_drag_callbacks.append(self._on_mouse)
        self._follow_labels()

    def close(self) -> None:
        """Let go of the viewer and its layers."""
        for event in self._events():
            event.disconnect(self._on_view)
        if self._on_mouse in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_mouse)
        for layer in self._followed:
            layer.events.selected_label.disconnect(self._on_label)
        self._followed = []
        self._ring.remove()

    def results(self) -> ResultsInView | None:
        """Return the results in view, None where none are open."""
        return results_in_view(self._viewer)

    def go_to(self, axis: str, step: int) -> None:
        """Move the slider of an axis, ``p`` or ``t``; nothing where there is none."""
        results = self.results()
        origin = origin_of(results.layer) if results else None
        if results is None or origin is None or axis not in origin.axes.order:
            return
        layer, i = results.layer, origin.axes.order.index(axis)
        world = layer.scale[i] * step + layer.translate[i]
        self._viewer.dims.set_point(self._viewer.dims.ndim - layer.ndim + i, float(world))

    def select(self, cell: int) -> None:
        """Select a cell in the labels layers of the results in view."""
        self._selecting = True
        try:
            for layer in self._labels_of_results():
                layer.selected_label = cell
        finally:
            self._selecting = False

    def show_ring(self, rows: Table, fov: int, color: Any) -> None:
        """Draw a ring around a cell in all frames of its trace."""
        results = self.results()
        origin = origin_of(results.layer) if results else None
        if origin is not None:
            self._ring.show(origin, rows, fov, color)

    def hide_ring(self) -> None:
        """Take the ring away."""
        self._ring.remove()

    def bring_into_view(self, y: float, x: float) -> None:
        """Move the camera as far as it takes to see a position in pixels."""
        results, viewer = self.results(), self._viewer
        if results is None or viewer.dims.ndisplay != 2:
            return
        layer, camera = results.layer, viewer.scene.camera
        position = np.array((y, x)) * layer.scale[-2:] + layer.translate[-2:]
        center = np.array(camera.center[-2:])
        reach = np.array(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom / 2
        is_out = np.abs(position - center) > reach
        if is_out.any():
            seen_from = position - np.sign(position - center) * _INSIDE * reach
            camera.center = tuple(map(float, np.where(is_out, seen_from, center)))

    def _events(self) -> list[Any]:
        layers, dims = self._viewer.layers, self._viewer.dims
        return [
            layers.events.inserted,
            layers.events.removed,
            layers.selection.events.active,
            dims.events.point,
        ]

    def _on_view(self, event: Any = None) -> None:
        if event is not None and event.type in ("inserted", "removed"):
            self._follow_labels()
        self._on_moved()

    def _follow_labels(self) -> None:
        """Listen to which label is selected in each labels layer with cells."""
        there = [layer for layer in self._viewer.layers if _is_cells(layer)]
        for layer in self._followed:
            if layer not in there:
                layer.events.selected_label.disconnect(self._on_label)
        for layer in there:
            if layer not in self._followed:
                layer.events.selected_label.connect(self._on_label)
        self._followed = there

    def _on_label(self, event: Any) -> None:
        layer = event.source
        if not self._selecting and layer in self._labels_of_results() and layer.selected_label:
            self._on_cell(int(layer.selected_label))

    def _on_mouse(self, viewer: Any, event: Any) -> Iterator[None]:
        """Select the cell under a click that is no drag."""
        active = viewer.layers.selection.active
        if event.button != 1 or getattr(active, "mode", "pan_zoom") != "pan_zoom":
            return
        pressed = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.hypot(*(np.array(event.pos) - pressed)) <= _CLICK_REACH:
            cell = self._cell_under(event)
            if cell:
                self._on_cell(cell)

    def _cell_under(self, event: Any) -> int:
        for layer in self._labels_of_results():
            value = layer.get_value(
                event.position,
                view_direction=event.view_direction,
                dims_displayed=event.dims_displayed,
                world=True,
            )
            if layer.visible and value:
                return int(value)
        return 0

    def _labels_of_results(self) -> list[Any]:
        """Return the labels layers of the results in view, topmost first."""
        results = self.results()
        files: FilesOf | None = results.files if results else None
        return [
            layer
            for layer in reversed(self._viewer.layers)
            if _is_cells(layer) and layer.metadata[FILES] is files
        ]


def _is_cells(layer: Any) -> bool:
    origin = origin_of(layer)
    return origin is not None and origin.role == CELLS and FILES in layer.metadata
