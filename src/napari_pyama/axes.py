"""Scale, units and axis labels of every layer, in one place."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pyama_core.io import MicroscopyMetadata

AXIS_NAMES: Final = {"p": "position", "t": "time", "z": "z", "y": "y", "x": "x"}


@dataclass(frozen=True, slots=True)
class Axes:
    """Which axes a layer has and what a step along each of them is."""

    order: str
    """Letters out of ``ptzyx``."""
    pixel_um: float | None
    frame_min: float | None
    slice_um: float | None

    def only(self, order: str) -> "Axes":
        """Return the same scales for a layer that has some of the axes."""
        return Axes(order, self.pixel_um, self.frame_min, self.slice_um)

    def layer_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments `scale`, `units` and `axis_labels` of a layer."""
        steps = [self._step(axis) for axis in self.order]
        return {
            "scale": tuple(size for size, _ in steps),
            "units": tuple(unit for _, unit in steps),
            "axis_labels": tuple(AXIS_NAMES[axis] for axis in self.order),
        }

    def _step(self, axis: str) -> tuple[float, str]:
        """Size of one step and its unit.

        Where it is not known it is what napari gives a plain layer: layers of unlike units side
        by side would lose theirs.
        """
        size, unit = {
            "p": (None, ""),
            "t": (self.frame_min, "minute"),
            "z": (self.slice_um, "micrometer"),
            "y": (self.pixel_um, "micrometer"),
            "x": (self.pixel_um, "micrometer"),
        }[axis]
        return (1.0, "pixel") if size is None else (size, unit)


def stack_axes(metadata: MicroscopyMetadata) -> Axes:
    """Return the axes of a whole experiment: position, time, z where there is one, y, x."""
    order = "ptzyx" if metadata.n_z > 1 else "ptyx"
    slice_um = metadata.z_step_um
    if slice_um is None:
        slice_um = metadata.pixel_size_um
    return Axes(order, metadata.pixel_size_um, frame_interval(metadata), slice_um)


def frame_interval(metadata: MicroscopyMetadata) -> float | None:
    """Return the median time between frames in minutes, None where times are not known."""
    times = metadata.frame_times_min
    if times is None or metadata.time_source == "frame index" or metadata.n_frames < 2:
        return None
    interval = float(np.median(np.diff(times, axis=1)))
    return interval if interval > 0 else None
