"""Brush strokes as a person would draw them to train a pixel classifier.

From hand-made instances, seeded: curved strokes through cells and along the inside of their
outlines; through the open background and close around cells, where halos are; and, as borders,
along stretches of outline, rather those where another cell is near. The brush is thin, the hand
unsteady.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

BACKGROUND, CELL, BORDER = 1, 2, 3
_SHARES = {BACKGROUND: 0.4, CELL: 0.3, BORDER: 0.3}
_TURNS = (0, 0.3, -0.3, 0.7, -0.7, 1.2, -1.2, 2.0, -2.0, 3.1)
_NEIGHBORHOOD = 40
Mask = NDArray[np.bool_]
Labels = NDArray[np.integer[Any]]
Path = NDArray[np.float64]


def draw_strokes(
    instances: Labels,
    *,
    share: float = 0.02,
    widths: tuple[float, float] = (2.0, 4.0),
    seed: int = 0,
) -> NDArray[np.uint8]:
    """Draw strokes over at most `share` of the pixels of a frame.

    Parameters
    ----------
    instances
        ``(H, W)``, the true cells.
    share
        Of the pixels, at most so many are drawn on.
    widths
        Thinnest and thickest brush, px.
    seed
        The same seed draws the same strokes.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8: 0 = not drawn on, 1 = background, 2 = cell, 3 = border.
    """
    hand = _Hand(instances, widths, np.random.default_rng(seed))
    for kind, part in _SHARES.items():
        hand.draw(kind, int(share * part * instances.size))
    return hand.strokes


class _Hand:
    """Draws on one frame, stroke by stroke."""

    def __init__(
        self, instances: Labels, widths: tuple[float, float], rng: np.random.Generator
    ) -> None:
        self.instances, self.widths, self.rng = instances, widths, rng
        self.strokes = np.zeros(instances.shape, np.uint8)
        self.depth = {
            BACKGROUND: _depth(instances == 0),
            CELL: _depth((instances > 0) & ~_touching(instances)),
        }
        self.near_another = _near_another(instances, 5)

    def draw(self, kind: int, budget: int) -> None:
        """Draw strokes of one kind until the next would exceed `budget` pixels."""
        for cell in self._cells_in_turn():
            window = self._around(cell)
            path = self._border(cell, window) if kind == BORDER else self._walk(kind, cell, window)
            stroke = self._brush(path, self.rng.uniform(*self.widths)) & (self.strokes == 0)
            if kind != BORDER:
                stroke &= self.instances == (cell if kind == CELL else 0)
            budget -= np.count_nonzero(stroke)
            if budget < 0:
                return
            self.strokes[stroke] = kind

    def _cells_in_turn(self) -> Iterator[int]:
        cells = np.unique(self.instances[self.instances > 0])
        while cells.size:
            yield from self.rng.permutation(cells)

    def _around(self, cell: int) -> tuple[slice, slice]:
        rows, columns = ndi.find_objects((self.instances == cell).astype(np.uint8))[0]
        reach = _NEIGHBORHOOD
        return (
            slice(max(rows.start - reach, 0), rows.stop + reach),
            slice(max(columns.start - reach, 0), columns.stop + reach),
        )

    def _walk(self, kind: int, cell: int, window: tuple[slice, slice]) -> Path:
        """Walk inside a cell or the background, half of the time close to the outline."""
        depth = self.depth[kind]
        near_outline = self.rng.random() < 0.5
        if kind == CELL:
            allowed = np.where(self.instances == cell, depth, 0)[window]
            limit = 6.0 if near_outline else np.inf
        else:
            limit = 10.0 if near_outline else np.inf
            allowed = depth[window] if near_outline else depth
        offset = (0, 0) if allowed is depth else (window[0].start, window[1].start)
        length = self.rng.uniform(0.5, 1.5) * (60 if kind == CELL else 100)
        return _wander(allowed, limit, int(length), self.rng) + offset

    def _border(self, cell: int, window: tuple[slice, slice]) -> Path:
        """Follow a stretch of the outline, where another cell is near if there is one."""
        corner = np.array([part.start for part in window])
        outline = _outline(self.instances[window] == cell) + corner
        candidates = np.flatnonzero(self.near_another[tuple(outline.T)])
        if candidates.size < 10:
            candidates = np.arange(len(outline))
        length = min(len(outline), int(self.rng.uniform(30, 100)))
        start = self.rng.choice(candidates) - length // 2
        stretch = np.roll(outline, -start, axis=0)[:length].astype(np.float64)
        return _unsteady(stretch, self.rng)

    def _brush(self, path: Path, width: float) -> Mask:
        """Paint a round brush along a path."""
        painted = np.zeros(self.instances.shape, np.bool_)
        reach = int(np.ceil(width / 2))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        tip = np.argwhere(y**2 + x**2 <= (width / 2) ** 2) - reach
        pixels = (np.rint(path).astype(int)[:, None] + tip).reshape(-1, 2)
        within = np.all((pixels >= 0) & (pixels < painted.shape), axis=1)
        painted[tuple(pixels[within].T)] = True
        return painted


def _depth(inside: Mask) -> NDArray[np.float64]:
    return ndi.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]


def _touching(instances: Labels) -> Mask:
    """Pixels with another cell among their neighbors."""
    highest = ndi.maximum_filter(instances, 3)
    lowest = ndi.minimum_filter(np.where(instances == 0, instances.max() + 1, instances), 3)
    return (instances > 0) & (highest != lowest) & (highest > 0)


def _near_another(instances: Labels, reach: int) -> Mask:
    """Pixels with pixels of two cells within `reach`."""
    highest = ndi.maximum_filter(instances, 2 * reach + 1)
    far = np.where(instances == 0, instances.max() + 1, instances)
    lowest = ndi.minimum_filter(far, 2 * reach + 1)
    return (highest > 0) & (lowest < highest)


def _wander(depth: NDArray[np.float64], limit: float, length: int, rng: Any) -> Path:
    """Walk where 2 < depth <= `limit`, turning smoothly."""
    starts = np.argwhere((depth > min(3.0, 0.6 * depth.max())) & (depth <= limit))
    point = starts[rng.integers(len(starts))].astype(np.float64)
    angle, path = rng.uniform(0, 2 * np.pi), [point]
    for _ in range(length):
        angle = _heading(depth, limit, path[-1], angle + rng.normal(0, 0.12))
        path.append(path[-1] + (np.sin(angle), np.cos(angle)))
    return np.array(path)


def _heading(depth: NDArray[np.float64], limit: float, point: Path, angle: float) -> float:
    """Choose the heading nearest to `angle` that stays where the hand wants to be."""
    for turn in _TURNS:
        y, x = np.rint(point + 4 * np.array([np.sin(angle + turn), np.cos(angle + turn)])).astype(
            int
        )
        inside = 0 <= y < depth.shape[0] and 0 <= x < depth.shape[1]
        if inside and 2 < depth[y, x] <= limit + 2:
            return angle + turn
    return angle + np.pi


def _outline(inside: Mask) -> NDArray[np.intp]:
    """List the pixels of a region's longest outline in order."""
    from skimage.measure import find_contours

    contours = find_contours(np.pad(inside, 1).astype(float), 0.5)
    pixels = np.rint(max(contours, key=len) - 1).astype(np.intp)
    return np.clip(pixels, 0, np.array(inside.shape) - 1)


def _unsteady(path: Path, rng: Any) -> Path:
    """Follow a path with a hand that is off by about 0.7 px."""
    wobble = ndi.gaussian_filter1d(rng.normal(0, 1, path.shape), 8, axis=0, mode="reflect")
    smooth = ndi.gaussian_filter1d(path, 2, axis=0, mode="nearest")
    return smooth + 0.7 * wobble / max(float(wobble.std()), 1e-9)
