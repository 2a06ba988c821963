"""What a viewer does once layers of ours are added to it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning

from napari_pyama.preload import preload_soon

if TYPE_CHECKING:
    from napari_pyama.layers import LayerTuple
    from napari_pyama.opened import Opened


def prepare(viewer: Any, opened: "Opened") -> "list[LayerTuple]":
    """Return the layers to add, and have the viewer do what belongs to them once they are there.

    Parameters
    ----------
    viewer
        None where there is none.
    """
    preload_soon()
    for warning in opened.warnings:
        show_warning(warning)
    if viewer is None:
        return opened.layers
    if opened.follows_position:
        _follow_tracks_later(viewer)
    if opened.dock:
        _open_dock_later(viewer, opened.dock)
    return start_at_first_step(viewer, opened.layers)


def start_at_first_step(viewer: Any, layers: "list[LayerTuple]") -> "list[LayerTuple]":
    """Have an empty viewer show step 0 of the layers that are added next, not the middle.

    Returns the layers to add. The viewer goes to the middle while it takes the first one in;
    being hidden meanwhile, it reads no frame there.
    """
    if len(viewer.layers) or not layers:
        return layers
    (data, arguments, kind), *others = layers
    is_visible = arguments.get("visible", True)

    def go_to_start(layer: Any) -> None:
        n_sliders = viewer.dims.ndim - viewer.dims.ndisplay
        viewer.dims.set_current_step(tuple(range(n_sliders)), (0,) * n_sliders)
        layer.visible = is_visible

    _once_inserted(viewer, go_to_start)
    return [(data, {**arguments, "visible": False}, kind), *others]


def _follow_tracks_later(viewer: Any) -> None:
    """Have the tracks that are added next follow the position slider."""
    from napari_pyama.tracks_follower import follow_tracks

    _once_inserted(viewer, lambda _layer: follow_tracks(viewer))


def _open_dock_later(viewer: Any, name: str) -> None:
    """Open a dock of the plugin when the next layer is there; nothing without a window."""
    window = getattr(viewer, "window", None)
    if window is not None:
        _once_inserted(viewer, lambda _layer: window.add_plugin_dock_widget("napari-pyama", name))


def _once_inserted(viewer: Any, act: Callable[[Any], Any]) -> None:
    """Call `act` with the layer that is added next, when the viewer has taken it in."""

    def on_inserted(event: Any) -> None:
        viewer.layers.events.inserted.disconnect(on_inserted)
        act(event.value)

    viewer.layers.events.inserted.connect(on_inserted, position="last")
