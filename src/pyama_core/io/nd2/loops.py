"""Which loops nest the frames of an ND2 file, also where the file's list of them is incomplete."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pyama_core.errors import ReadError
from pyama_core.io.nd2.picture import experiment_name, raw_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import nd2
    from numpy.typing import NDArray

    from pyama_core.io.nd2.description import FrameStore

TIME: Final = ("TimeLoop", "NETimeLoop")
"""Names that the nd2 library gives loops over time."""

_AXES: Final = {**dict.fromkeys(TIME, "T"), "XYPosLoop": "P", "ZStackLoop": "Z"}
_AXIS_OF_CODE: Final = {1: "T", 8: "T", 2: "P", 4: "Z"}
_AXIS_OF_WORD: Final = {"XY": "P", "Z": "Z"}
_OF_ONE_POSITION: Final = (
    " of one position and z plane; if there were more, save it again with the program that "
    "recorded it."
)
_POSITIONS: Final = 2
_PHASES: Final = 8
_IN_WORDS: Final = {"T": "time point", "P": "position", "Z": "z plane"}

_MOST_FRAMES: Final = 1_000_000
_MOST_PER_FRAME_HELD: Final = 100
"""Frames that a file may list: a million, or a hundred for each that it holds; it is damaged else.

Recordings that were stopped early list many frames that they do not hold.
"""
_SAME_PLACE_UM: Final = 10.0
"""How far a stage strays from a position it comes back to, with room to spare; fields of view are
larger."""
_LEAST_Z_STEP_UM: Final = 0.05
_EVEN_STEPS: Final = 0.1
"""A z stack has steps of at least so much, alike within this share; focus drifts unevenly."""


@dataclass(frozen=True)
class Loops:
    """(axis, size) of each loop, outermost first, axis T, P or Z; and what was assumed of them."""

    sizes: tuple[tuple[str, int], ...]
    warnings: tuple[str, ...] = ()

    def sequence(self) -> NDArray[np.int64]:
        """Sequence index of each frame, ``(n_fovs, n_frames, n_z)``."""
        axes = [axis for axis, _ in self.sizes]
        sizes = [size for _, size in self.sizes]
        numbers = np.arange(math.prod(sizes)).reshape(sizes)
        present = [axis for axis in "PTZ" if axis in axes]
        ordered = numbers.transpose([axes.index(axis) for axis in present])
        return ordered.reshape([dict(self.sizes).get(axis, 1) for axis in "PTZ"])


def read_loops(file: nd2.ND2File, store: FrameStore, name: str) -> Loops:
    """Read the loops; where only the one over time is missing, it follows from the frames.

    Raises
    ------
    ReadError
        The file has loops that this library does not know, lists impossibly many frames, or
        holds more frames than its loops list and nothing tells where the others belong.
    """
    listed = _listed(file.experiment, name)
    _check_possible(listed, store, name)
    if store.n_held <= math.prod(size for _, size in listed):
        return Loops(listed)
    levels = list(_levels(file, store))
    recorded = _recorded(levels)
    if set(dict(recorded)) <= set(dict(listed)):
        recorded = listed
    inferred = _with_time(recorded, store)
    if inferred is not None:
        _check_possible(inferred.sizes, store, name)
    if (
        inferred is None
        or not _positions_are_sure(levels)
        or _told_otherwise(file, inferred)
        or _moves(store, inferred)
    ):
        raise ReadError(_unexplained(name, store.n_held, recorded))
    return inferred


def _listed(experiment: Iterable[Any], name: str) -> tuple[tuple[str, int], ...]:
    loops: dict[str, int] = {}
    for loop in experiment:
        axis = _AXES.get(loop.type)
        if not isinstance(loop.count, int):
            raise ValueError(f"a loop of {loop.count!r}")
        if loop.count == 1 and axis is None:
            continue
        if axis is None or axis in loops:
            raise ReadError(
                f"{name} has a loop this library does not read ({loop.type} of {loop.count}); "
                "it reads one loop each over time, position and z."
            )
        loops[axis] = loop.count
    return tuple(loops.items())


def _check_possible(loops: Sequence[tuple[str, int]], store: FrameStore, name: str) -> None:
    n_listed = math.prod(size for _, size in loops)
    most = max(_MOST_FRAMES, _MOST_PER_FRAME_HELD * store.n_held)
    if not 1 <= n_listed <= most:
        raise ReadError(
            f"{name} is damaged: it lists {n_listed} frames and holds {store.n_held}; "
            "copy it again from where it was recorded."
        )


def _with_time(recorded: Sequence[tuple[str, int]], store: FrameStore) -> Loops | None:
    """Give the loop over time, not listed or of no or one frame, the size that fits.

    Where it is not listed it is the outermost: NIS-Elements nests time, position and z so.
    """
    others = [size for axis, size in recorded if axis != "T"]
    known = dict(recorded).get("T")
    if (known or 0) > 1 or min(others, default=1) < 1:
        return None
    order = [("T", 0), *recorded] if known is None else recorded
    n_times = math.ceil(store.n_indices / math.prod(others))
    stopped_within = store.n_indices % math.prod(others)
    if stopped_within and (known != 0 or order[0][0] != "T"):
        return None
    sizes = tuple((axis, n_times if axis == "T" else size) for axis, size in order)
    assumed = (
        f"The file holds {store.n_held} frames, more than its loops list; they are taken for "
        + _in_words(sizes)
        + (", nested in this order." if len(sizes) > 1 else _OF_ONE_POSITION)
    )
    return Loops(sizes, (assumed,))


def _unexplained(name: str, n_held: int, recorded: Sequence[tuple[str, int]]) -> str:
    return (
        f"{name} holds {n_held} frames, but its loops list "
        f"{math.prod(size for _, size in recorded)} ({_in_words(recorded) or 'no loop'}), so that "
        "it is not known which frame belongs to which position, time and z plane; save it again "
        "with the program that recorded it."
    )


def _in_words(loops: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{size} {_IN_WORDS[axis]}{'s' * (size != 1)}" for axis, size in loops)


def _recorded(levels: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, int], ...]:
    """Read the loops with those of no members, which the nd2 library leaves out with all inside."""
    return tuple(
        (_AXIS_OF_CODE[level["eType"]], _size(level))
        for level in levels
        if level.get("eType") in _AXIS_OF_CODE and level.get("uLoopPars")
    )


def _levels(file: nd2.ND2File, store: FrameStore) -> Iterator[Mapping[str, Any]]:
    """Give the record of each loop, outermost first."""
    if not store.has(experiment_name(file)):
        return
    level: Mapping[str, Any] | None = raw_record(file, experiment_name(file), "SLxExperiment")
    while level:
        yield level
        level = next(iter((level.get("ppNextLevelEx") or {}).values()), None)


def _size(level: Mapping[str, Any]) -> int:
    pars = level["uLoopPars"]
    if level["eType"] == _POSITIONS:
        points = pars.get("Points", pars.get("dPosX", {}))
        return sum(bool(valid) for valid in _valid(level)) if _valid(level) else len(points)
    if level["eType"] == _PHASES:
        return sum(phase.get("uiCount", 0) for phase in pars.get("pPeriod", {}).values())
    return int(pars.get("uiCount", 0))


def _valid(level: Mapping[str, Any]) -> Sequence[Any]:
    valid = level.get("pItemValid") or ()
    return list(valid.values()) if isinstance(valid, dict) else valid


def _positions_are_sure(levels: Iterable[Mapping[str, Any]]) -> bool:
    """Whether all positions that are counted are described and were recorded."""
    for level in levels:
        if level.get("eType") == _POSITIONS:
            n_points = len(level["uLoopPars"].get("Points", ()))
            counted = level["uLoopPars"].get("uiCount", n_points)
            if not (counted == n_points and all(_valid(level))):
                return False
    return True


def _told_otherwise(file: nd2.ND2File, loops: Loops) -> bool:
    """Whether the file describes itself, as a text, as having other positions or z planes."""
    text = file.text_info.get("description", "").partition("Dimensions:")[2].splitlines()
    described = re.findall(r"(XY|Z)\((\d{1,9})\)", text[0] if text else "")
    known = dict(loops.sizes)
    return any(int(size) != known.get(_AXIS_OF_WORD[word], 1) for word, size in described)


def _moves(store: FrameStore, loops: Loops) -> bool:
    """Whether the stage was elsewhere in some frames of a FOV than in others."""
    places = [store.per_frame(axis) for axis in "XY"]
    by_fov = loops.sequence()
    by_fov = by_fov.reshape(len(by_fov), -1)
    strays = any(_spread(place, by_fov) > _SAME_PLACE_UM for place in places if place is not None)
    return strays or ("Z" not in dict(loops.sizes) and _is_z_stack(store))


def _spread(place: NDArray[np.float64], by_fov: NDArray[np.int64]) -> float:
    """Largest distance between frames of one FOV, as far as places are known."""
    known = np.append(place, np.full(by_fov.size, np.nan))[by_fov]
    low = np.min(known, axis=1, where=np.isfinite(known), initial=np.inf)
    high = np.max(known, axis=1, where=np.isfinite(known), initial=-np.inf)
    return float(np.max(high - low))


def _is_z_stack(store: FrameStore) -> bool:
    place = store.per_frame("Z")
    steps = np.abs(np.diff(place)) if place is not None and len(place) > 1 else np.zeros(1)
    middle = float(np.median(steps))
    alike = np.mean(np.abs(steps - middle) <= _EVEN_STEPS * middle)
    return middle >= _LEAST_Z_STEP_UM and bool(alike > 0.5)
