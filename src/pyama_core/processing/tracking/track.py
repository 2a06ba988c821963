"""Follow the cells of a time lapse: the step as one function."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.messages import Message
from pyama_core.processing.registry import load_plugin, plugins
from pyama_core.processing.stack import Stack, Tick, frames_unseen, no_tick
from pyama_core.processing.tracking.events import Events
from pyama_core.processing.tracking.lineage import Lineage
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.relabel import Labels, relabel
from pyama_core.processing.tracking.runs import runs_of
from pyama_core.processing.tracking.tracks import Tracks, name_cells

GROUP = "pyama_core.tracking"
"""Entry-point group in which installed packages offer further trackers."""

BUILTIN = {
    "overlap": "pyama_core.processing.tracking.following:follow_by_overlap",
    "laptrack": "pyama_core.processing.tracking.laptrack_adapter:follow_by_laptrack",
}


def method_names() -> list[str]:
    """Names that `TrackingParams.method` may have here."""
    return list(plugins(GROUP, BUILTIN))


class Tracker(Protocol):
    """What an entry point of the group ``pyama_core.tracking`` names."""

    def __call__(
        self,
        segmented: Stack,
        params: TrackingParams,
        *,
        phase: Stack | None,
        missing: Collection[int],
        tick: Tick,
    ) -> tuple[Movie, Events]:
        """Return the cells of all frames and where they went; see `track_stack`."""
        ...


@dataclass(frozen=True)
class Tracking:
    """Tracked cells; iterating yields one label image per frame, as often as wanted.

    Attributes
    ----------
    segmented : Stack
        What was tracked; read again while iterating.
    movie : Movie
        The regions of all frames.
    tracks : Tracks
        Which cell each region is.
    messages : list of Message
        What a user should know.
    """

    segmented: Stack
    movie: Movie
    tracks: Tracks
    messages: list[Message]

    @property
    def lineage(self) -> Lineage:
        """Mothers, first and last frames of all cells."""
        return self.tracks.lineage

    @property
    def drift(self) -> NDArray[np.floating]:
        """(T, 2) displacement of the field since the first frame, y, x in pixels."""
        return self.movie.drift

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """uint16, or uint32 when there are more than 65535 cells."""
        return np.dtype(np.uint16 if len(self.lineage) <= np.iinfo(np.uint16).max else np.uint32)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(T, H, W)``."""
        return self.segmented.shape

    def __len__(self) -> int:
        return len(self.segmented)

    def __iter__(self) -> Iterator[Labels]:
        return (self.frame(t) for t in range(len(self)))

    def frame(self, t: int) -> Labels:
        """Return the label image of frame `t`, (H, W)."""
        labels = np.zeros(self.shape[1:], self.dtype)
        first, stop = np.searchsorted(self.movie.frame, [t, t + 1])
        if first < stop:
            shared = self.tracks.shared.among(first, stop)
            relabel(runs_of(self.segmented[t]), self.tracks.ids[first:stop], shared, labels)
        return labels


def track_stack(
    segmented: Stack,
    params: TrackingParams,
    *,
    phase: Stack | None = None,
    missing: Collection[int] = (),
    tick: Tick = no_tick,
) -> Tracking:
    """Follow cells over time and find their divisions.

    Parameters
    ----------
    segmented : (T, H, W) bool or integer
        Masks, whose connected components are cells, or untracked instances.
    params : TrackingParams
    phase : (T, H, W), optional
        The channel that drift of the stage is estimated from; without it, from the cells.
    missing : collection of int
        Frames the file does not hold. Cells are followed across them, and across frames without
        a recorded phase and without cells.
    tick : callable
        Called once per frame; may raise to cancel.

    Raises
    ------
    InputError
        If no tracker has the name of ``params.method``, or the stacks cannot be tracked.
    """
    _check(segmented, phase)
    follow: Tracker = load_plugin(GROUP, params.method, BUILTIN)
    unseen = frames_unseen(segmented, phase, missing)
    movie, events = follow(segmented, params, phase=phase, missing=unseen, tick=tick)
    return Tracking(segmented, movie, name_cells(movie, events, params), _messages(movie, params))


def _check(segmented: Stack, phase: Stack | None) -> None:
    """Raise where the stacks cannot be tracked."""
    if len(segmented.shape) != 3:
        raise InputError(
            f"A segmentation to track has the axes time, y, x; this one has the shape "
            f"{segmented.shape}: give one field of view at a time."
        )
    if len(segmented) and segmented[0].dtype.kind not in "bui":
        raise InputError(
            f"A segmentation to track is a mask (bool) or instances (whole numbers), not "
            f"{segmented[0].dtype}: turn a mask of other numbers into one by `> 0`."
        )
    if phase is not None and phase.shape != segmented.shape:
        raise InputError(
            f"The phase channel {phase.shape} and the segmentation {segmented.shape} differ in "
            "shape: give the channel that was segmented."
        )


def _messages(movie: Movie, params: TrackingParams) -> list[Message]:
    notes = []
    if params.max_distance is None and len(movie.frame) and len(movie.held) > 1:
        notes.append(f"tracking.max_distance by the data: {movie.reach:.1f} px")
    jump = np.abs(np.diff(movie.drift, axis=0)).max(initial=0)
    if jump >= 1:
        notes.append(f"the field moved by up to {jump:.1f} px from one frame to the next")
    return [Message(note) for note in notes]
