"""What a viewer does once layers of ours are added to it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning

from napari_pyama.docks.lazy_docks import preload_soon

if TYPE_CHECKING:
    from napari_pyama.layers.raw import LayerTuple
    from napari_pyama.session.opened import Opened


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
    _keep_results_read_only(viewer)
    _continue_runs(viewer, opened)
    if opened.follows_position:
        _follow_tracks_later(viewer)
    if opened.dock:
        _open_dock_later(viewer, opened.dock)
    return start_at_first_frame(viewer, opened.layers)


def start_at_first_frame(viewer: Any, layers: "list[LayerTuple]") -> "list[LayerTuple]":
    """Have an empty viewer show the first frame of the layers that are added next.

    Of a z stack it shows the plane in the middle, which the steps take unless told otherwise and
    where cells are in focus. Returns the layers to add. The viewer goes to the middle of all
    sliders while it takes the first one in; being hidden meanwhile, it reads no frame there.
    """
    if len(viewer.layers) or not layers:
        return layers
    from napari_pyama.layers.raw import AXIS_NAMES

    (data, arguments, kind), *others = layers
    is_visible = arguments.get("visible", True)

    def go_to_start(layer: Any) -> None:
        sliders = range(viewer.dims.ndim - viewer.dims.ndisplay)
        depth = [str(label) == AXIS_NAMES["z"] for label in layer.axis_labels]
        steps = [viewer.dims.nsteps[axis] // 2 if depth[axis] else 0 for axis in sliders]
        viewer.dims.set_current_step(tuple(sliders), steps)
        layer.visible = is_visible

    _once_inserted(viewer, go_to_start)
    return [(data, {**arguments, "visible": False}, kind), *others]


def _keep_results_read_only(viewer: Any) -> None:
    from napari_pyama.session.viewer_layers import keep_results_read_only

    keep_results_read_only(viewer)


def _continue_runs(viewer: Any, opened: "Opened") -> None:
    """Have the docks ask for the runs whose results are opened."""
    from napari_pyama.session.session import session_of

    for run in opened.runs:
        session_of(viewer).continue_run(run.source, run.output_dir, run.channels, run.recipe)


def _follow_tracks_later(viewer: Any) -> None:
    """Have the tracks that are added next follow the position slider."""
    from napari_pyama.session.viewer_layers import follow_tracks

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
