"""Follow the cells of a time lapse: the step as one function."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pyama_core import columns
from pyama_core.errors import InputError
from pyama_core.messages import Message
from pyama_core.processing.raster.runs import runs_of
from pyama_core.processing.registry import load_plugin, plugins
from pyama_core.processing.stack import Stack, Tick, frames_unseen, no_tick
from pyama_core.processing.tracking.assignment import Ints
from pyama_core.processing.tracking.detections import Movie, Summary, assemble
from pyama_core.processing.tracking.hypotheses import Events, joined
from pyama_core.processing.tracking.linking import Shares, shares_of
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.regions import measure
from pyama_core.processing.tracking.relabel import Labels, relabel
from pyama_core.processing.tracking.tracklets import Cells, Resolver, Tracklet, tracklets_of


@dataclass(frozen=True)
class Lineage:
    """One row per tracked cell, in order of its id.

    Attributes
    ----------
    cell : (N,) int64
        Ids from 1.
    parent : (N,) int64
        Id of the mother, 0 = none.
    first_frame, last_frame : (N,) int64
        The first and last frame the cell is labeled in, inclusive.
    began : (N,) str
        ``start`` (there in the first frame), ``division``, ``entered`` (at the border),
        ``parted`` (from a cell it had touched for too long) or ``appeared``.
    ended : (N,) str
        ``end`` (there in the last frame), ``division``, ``left`` (at the border), ``merged``
        (touching another cell for too long) or ``lost``.
    """

    cell: Ints
    parent: Ints
    first_frame: Ints
    last_frame: Ints
    began: NDArray[np.str_]
    ended: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.cell)

    def table(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns by name, in the order of a lineage table."""
        return {name: getattr(self, name) for name in columns.LINEAGE_COLUMNS}


def observe(
    segmented: Stack, params: TrackingParams, *, missing: Collection[int], tick: Tick
) -> Movie:
    """Measure the cells of all frames, taking them to move neither by themselves nor together.

    Parameters
    ----------
    segmented, params, missing, tick
        As a tracker gets them.
    """
    summaries = []
    for t in range(len(segmented)):
        tick("measuring cells", t)
        if t not in missing:
            regions = measure(runs_of(segmented[t]))
            still = np.zeros((len(regions), 2))
            summaries.append(Summary(t, regions, still, np.zeros(2), joined([])))
    return assemble(summaries, len(segmented), params)[0]


@dataclass(frozen=True)
class Tracks:
    """Who is where.

    Attributes
    ----------
    ids : (N,) int64
        The id of each region's cell, or of one of them where several touch.
    shared : Shares
        The regions that several cells share.
    lineage : Lineage
    """

    ids: Ints
    shared: Shares
    lineage: Lineage


def name_cells(movie: Movie, events: Events, params: TrackingParams) -> Tracks:
    """Turn links, splits and merges into cells with ids and mothers."""
    number, tracklets = tracklets_of(events, len(movie.frame))
    nodes = _nodes(number, len(tracklets))
    cells = Resolver(movie, tracklets, nodes, params).resolve()
    first_cell = np.array([t.cells[0] for t in tracklets], np.int64)
    ids = first_cell[number] if len(tracklets) else number
    shared = shares_of(movie, tracklets, nodes)
    return Tracks(ids, shared, _lineage(movie, tracklets, cells))


def _nodes(number: Ints, n_tracklets: int) -> list[Ints]:
    """Return the nodes of each tracklet, in time."""
    order = np.argsort(number, kind="stable")
    stops = np.cumsum(np.bincount(number, minlength=n_tracklets))[:-1]
    return np.split(order, stops) if n_tracklets else []


def _lineage(movie: Movie, tracklets: list[Tracklet], cells: Cells) -> Lineage:
    """Collect when and how each cell began and ended."""
    n = len(cells.parent)
    holder = np.array([c - 1 for t in tracklets for c in t.cells], np.int64)
    first = np.array([t.first for t in tracklets for _ in t.cells], np.int64)
    last = np.array([t.last for t in tracklets for _ in t.cells], np.int64)
    begin, end = np.full(n, len(movie.frame)), np.zeros(n, np.int64)
    np.minimum.at(begin, holder, first)
    np.maximum.at(end, holder, last)
    edge = movie.cells.at_border
    began = np.where(edge[begin], "entered", "appeared")
    began = np.where(movie.frame[begin] == movie.first_frame, "start", began)
    ended = np.where(edge[end], "left", "lost")
    ended = np.where(movie.frame[end] == movie.last_frame, "end", ended)
    return Lineage(
        np.arange(1, n + 1),
        np.array(cells.parent, np.int64),
        movie.frame[begin].astype(np.int64),
        movie.frame[end].astype(np.int64),
        _known_or(cells.began, began),
        _known_or(cells.ended, ended),
    )


def _known_or(known: list[str], other: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return what is known, and `other` where nothing (an empty text) is."""
    given = np.array(known, dtype="<U8")
    return np.where(given == "", other, given)


GROUP = "pyama_core.tracking"
"""Entry-point group in which installed packages offer further trackers."""

BUILTIN = {
    "overlap": "pyama_core.processing.tracking.overlap_tracker:follow_by_overlap",
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
