"""Show the first step of a time lapse when it is opened."""

from typing import Any

from napari import current_viewer


def start_at_first_step(viewer: Any = None) -> None:
    """Have an empty viewer show step 0 of what is added to it next, instead of the middle."""
    viewer = viewer or current_viewer()
    if viewer is None or len(viewer.layers):
        return

    def go_to_start(event: Any) -> None:
        viewer.layers.events.inserted.disconnect(go_to_start)
        n_sliders = viewer.dims.ndim - viewer.dims.ndisplay
        viewer.dims.set_current_step(tuple(range(n_sliders)), (0,) * n_sliders)

    viewer.layers.events.inserted.connect(go_to_start, position="last")
