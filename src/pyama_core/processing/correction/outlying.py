"""Frames whose background the others do not bear out.

A flash, a shutter that stayed shut, a saturated or half-read frame: one such frame, far from the
others in level, turns a least-squares gain its own way. Frames are therefore compared before the
gain is fitted. Each is a point whose coordinates are its background in a few dozen blocks of the
field; under ``base(x) + drift(t) * gain(x)`` all lie on one line. The line that most frames are
nearest to is found by least trimmed squares (Rousseeuw and Van Driessen, Data Min. Knowl. Discov.
12, 2006). Left out of the gain are frames off this line, and frames so far along it that the gain
would rest on them alone.
"""

import numpy as np
from numpy.typing import NDArray

from pyama_core.processing.correction.patches import PatchSeries
from pyama_core.processing.correction.profiles import (
    Line,
    Profiles,
    line_from,
    line_through,
    majority_line,
    tilts,
)
from pyama_core.processing.correction.spline import Floats

Frames = NDArray[np.bool_]

_TRUSTED = 0.7
"""Share of the frames that are taken to be as they should; the others may show anything."""
FEWEST_FRAMES = 4
"""A line through three frames leaves nothing to tell which of them is off it."""
_FAR = 8.0
"""How far off the line a frame is outlying, relative to the trusted share of the frames; about six
standard deviations."""
_SLIGHT = 0.01
"""Share of the drift that a frame may be off the line: the gain bends by less than this."""
_ROUNDING = 1e-4
"""Share of the level by which frames differ through rounding and noise in any case."""
_CHANGED = 0.02
"""Share of the level that no frame is too far along the line by."""
_ALONE = 2.0
"""How far along the line a frame may be, in root summed squares of all frames nearer by."""
_FAR_SPREADS, _FAR_LEVEL = 10.0, 0.5
"""How far off one of three frames is, in the others' distance, and as a share of the level."""
_TINY = 1e-300
"""Keeps a division by nothing at nothing."""
_LIKE_LIGHT = 0.9
"""Correlation of gain and background, and least slope, from which both are the same light."""


def outlying_frames(patches: PatchSeries) -> Frames:
    """Return which frames to leave out of the gain, ``(T,)``.

    None is where more than three in ten would be: then there is no majority to differ from. Of
    three frames one is where its level is far from that of the others, of fewer none.
    """
    profiles = Profiles.of(patches)
    seen = np.flatnonzero(profiles.weights.any(axis=1))
    outlying = np.zeros(len(profiles.weights), np.bool_)
    if len(seen) >= FEWEST_FRAMES:
        outlying[seen] = _outlying(profiles.at(seen))
    elif len(seen) == FEWEST_FRAMES - 1:
        outlying[seen] = _far_level(profiles.at(seen))
    return outlying


def departure(patches: PatchSeries) -> float:
    """Return by how much the outlying frames depart from the others at most, counts.

    A frame is compared with the frames before and after it, as root mean square over the field.
    """
    profiles = Profiles.of(patches)
    known, at = np.flatnonzero(patches.typical), np.flatnonzero(patches.outlying)
    expected = np.stack([np.interp(at, known, block[known]) for block in profiles.above.T], axis=1)
    weights = profiles.weights[at]
    square = weights * (profiles.above[at] - expected) ** 2
    return float(np.sqrt((square.sum(axis=1) / weights.sum(axis=1)).max()))


def _outlying(profiles: Profiles) -> Frames:
    """Tell which of frames that are all seen are outlying."""
    level = abs(float(profiles.usual.mean()))
    near, line = _near_line(profiles, _ROUNDING * level)
    near, line = _rejoined(profiles, line, near, level)
    off = ~near | _alone(line, near, profiles.usual)
    return off if off.mean() <= 1 - _TRUSTED else ~near


def _far_level(profiles: Profiles) -> Frames:
    """Tell which of three frames is far from the two others in level."""
    far = np.abs(profiles.levels - np.median(profiles.levels))
    level = abs(float(profiles.usual.mean()))
    least = max(_FAR_SPREADS * float(np.sort(far)[1]), _FAR_LEVEL * level)
    return np.asarray(far > least, dtype=np.bool_)


def _near_line(profiles: Profiles, rounding: float) -> tuple[Frames, Line]:
    """Tell which frames are near the line that most are near to; and give the line through them."""
    line, near = majority_line(profiles, _TRUSTED)
    for _ in range(len(near)):
        now = _nearest(_distances(profiles, line, near, rounding))
        if np.array_equal(now, near):
            break
        near = now
        line = line_through(profiles, line.drift, near)
    return near, line


def _nearest(distances: Floats) -> Frames:
    """Take frames within distance 1, and in any case the share of them that is trusted."""
    furthest = float(np.sort(distances)[_n_trusted(len(distances)) - 1])
    return np.asarray(distances <= max(1.0, furthest))


def _n_trusted(n_frames: int) -> int:
    return int(np.ceil(_TRUSTED * n_frames))


def _distances(profiles: Profiles, line: Line, fitted: Frames, rounding: float) -> Floats:
    """Compare each frame's distance from a line with those of the frames the line is fitted to.

    What a frame is off a line that was fitted without it is foreseen from its leverage. More than 1
    is too far.
    """
    drift = line.drift - line.drift[fitted].mean()
    lever = 1 / fitted.sum() + drift**2 / max(float((drift[fitted] ** 2).sum()), _TINY)
    square = np.column_stack([line.misfit, tilts(profiles, line) ** 2])
    square /= np.where(fitted, np.maximum(1 - lever, _TINY), 1 + lever)[:, None]
    trusted = np.sort(square[fitted], axis=0)[: _n_trusted(len(square))]
    usual = _FAR**2 * trusted.mean(axis=0)
    slight = max(rounding, _SLIGHT * float(np.ptp(drift[fitted])))
    distances = np.sqrt(square / np.maximum(np.maximum(usual, slight**2), _TINY))
    return np.asarray(distances.max(axis=1))


def _rejoined(profiles: Profiles, line: Line, near: Frames, level: float) -> tuple[Frames, Line]:
    """Take back frames that show one further level of the same light, as a change of medium does.

    Where the others hardly change, the line through them has no direction to find these on.
    """
    off = np.flatnonzero(~near)
    steady = np.ptp(line.drift[near]) < 2 * _CHANGED * level
    if len(off) < 2 or not steady:
        return near, line
    through = [line_from(profiles, near, at) for at in off.tolist()]
    enough = (_FAR / 2) ** 2 * max(float(line.misfit[near].mean()), (_ROUNDING * level) ** 2)
    joined = [~near & (one.misfit <= enough) for one in through]
    most = int(np.argmax([frames.sum() for frames in joined]))
    together = near | joined[most]
    wider = line_through(profiles, through[most].drift, together)
    distances = _distances(profiles, wider, together, _ROUNDING * level)
    agree = joined[most].sum() > 1 and distances[together].max() <= 1
    return (together, wider) if agree and _like_light(wider, profiles.usual) else (near, line)


def _alone(line: Line, near: Frames, usual: Floats) -> Frames:
    """Tell which frames are so far along the line that no others bear out what they show.

    Frames that stand alone together, as after a change of medium, are believed if what they add is
    like the light that is there already.
    """
    far = np.where(near, np.abs(line.drift - np.median(line.drift[near])), np.inf)
    order = np.argsort(far)[: near.sum()]
    nearer = np.sqrt(np.cumsum(far[order] ** 2))[:-1]
    jumps = far[order][1:] > np.maximum(_ALONE * nearer, _CHANGED * abs(usual.mean()))
    jumps[: len(order) // 2] = False
    alone = np.zeros_like(near)
    if jumps.any():
        alone[order[1 + np.argmax(jumps) :]] = True
    if alone.sum() > 1 and _like_light(line, usual):
        alone[:] = False
    return alone


def _like_light(line: Line, usual: Floats) -> bool:
    """Tell whether a gain is a background light's: as uneven as the background, or more so.

    It is more so where the camera reads more than 0 in the dark.
    """
    gain = line.gain * np.sign(line.gain.mean())
    own, shown = gain - gain.mean(), usual - usual.mean()
    both, even = float(own @ shown), float(shown @ shown)
    correlated = both > _LIKE_LIGHT * np.sqrt(float(own @ own) * even)
    return bool(correlated and both * usual.mean() > _LIKE_LIGHT * even * gain.mean())
