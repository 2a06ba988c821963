"""What the viewer shows: which experiment, which FOV, which frame."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_pyama.layers import Origin, origin_of
from pyama_core.io import MicroscopyFile


@dataclass(frozen=True, slots=True)
class View:
    """The frame in view."""

    source: MicroscopyFile
    fov: int
    frame: int

    @property
    def fov_text(self) -> str:
        """The FOV in words, counted from 0 as everywhere in this project."""
        metadata = self.source.metadata
        name = metadata.fov_names[self.fov] if self.fov < len(metadata.fov_names) else ""
        return f"FOV {self.fov} of 0 to {metadata.n_fovs - 1}" + (f" ({name})" if name else "")

    @property
    def frame_text(self) -> str:
        """The frame in words, with its time where that is known."""
        metadata = self.source.metadata
        text = f"frame {self.frame} of 0 to {metadata.n_frames - 1}"
        if metadata.frame_times_min is None:
            return text
        return f"{text} ({metadata.times_of(self.fov)[self.frame]:.1f} min)"


def view_of(viewer: Any) -> View | None:
    """Return the frame in view of the experiment in view; None where none is open."""
    layer = stack_in_view(viewer)
    if layer is None:
        return None
    origin = origin_of(layer)
    assert origin is not None
    where = dict(zip(origin.axes.order, _index(viewer, layer), strict=True))
    metadata = origin.source.metadata
    fov = int(np.clip(where["p"], 0, metadata.n_fovs - 1))
    frame = int(np.clip(where["t"], 0, metadata.n_frames - 1))
    return View(origin.source, fov, frame)


def stack_in_view(viewer: Any) -> Layer | None:
    """Return the active layer where it is of an experiment, else the topmost one that is."""
    active = viewer.layers.selection.active
    stacks = [layer for layer in viewer.layers if _is_stack(origin_of(layer))]
    return active if active in stacks else (stacks[-1] if stacks else None)


def _is_stack(origin: Origin | None) -> bool:
    return origin is not None and origin.axes.order.startswith("pt")


def _index(viewer: Any, layer: Layer) -> list[int]:
    point = viewer.dims.point[-layer.ndim :]
    return [round(float(position)) for position in layer.world_to_data(point)]
