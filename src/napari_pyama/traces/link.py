"""What the viewer and the plot tell each other: FOV, frame and selected cell."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from napari_pyama.layers import FILES, FilesOf, origin_of
from napari_pyama.result_layers import CELLS
from napari_pyama.traces.ring import Ring
from napari_pyama.traces.trace_set import Table
from napari_pyama.view import ResultsInView, results_in_view

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
