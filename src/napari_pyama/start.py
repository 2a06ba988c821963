"""What a viewer does once layers of ours are added to it."""

from collections.abc import Callable
from typing import Any


def start_at_first_step(viewer: Any) -> None:
    """Have an empty viewer show step 0 of what is added to it next, instead of the middle."""
    if viewer is None or len(viewer.layers):
        return

    def go_to_start() -> None:
        n_sliders = viewer.dims.ndim - viewer.dims.ndisplay
        viewer.dims.set_current_step(tuple(range(n_sliders)), (0,) * n_sliders)

    _once_inserted(viewer, go_to_start)


def follow_tracks_later(viewer: Any) -> None:
    """Have the tracks that are added next follow the position slider."""
    if viewer is not None:
        from napari_pyama.tracks_follower import follow_tracks

        _once_inserted(viewer, lambda: follow_tracks(viewer))


def open_dock_later(viewer: Any, name: str) -> None:
    """Open a dock of the plugin when the next layer is there; nothing without a window."""
    if viewer is not None and getattr(viewer, "window", None) is not None:
        _once_inserted(viewer, lambda: viewer.window.add_plugin_dock_widget("napari-pyama", name))


def _once_inserted(viewer: Any, act: Callable[[], Any]) -> None:
    def on_inserted(event: Any) -> None:
        viewer.layers.events.inserted.disconnect(on_inserted)
        act()

    viewer.layers.events.inserted.connect(on_inserted, position="last")
