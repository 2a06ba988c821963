"""Slow plain statements of what the tracking kernels compute, and scenes to track."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pyama_core.processing.tracking import Tracking

Disc = tuple[float, float, float]


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Label 8-connected components."""
    return ndimage.label(mask, np.ones((3, 3)))  # type: ignore[no-any-return]


def shared_pixels(
    first: NDArray[np.integer], second: NDArray[np.integer], shift: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], int]:
    """Count the pixels that each cell of `first`, moved by its shift, shares with each other."""
    counts: dict[tuple[int, int], int] = {}
    for cell, (dy, dx) in enumerate(shift):
        for y, x in np.argwhere(first == cell + 1):
            y, x = y + dy, x + dx
            if 0 <= y < second.shape[0] and 0 <= x < second.shape[1] and second[y, x]:
                key = cell, int(second[y, x]) - 1
                counts[key] = counts.get(key, 0) + 1
    return counts


def discs(
    frames: Iterable[Mapping[int, Disc]], shape: tuple[int, int] = (96, 128)
) -> NDArray[np.uint16]:
    """Draw cells, each a disc (y, x, radius) under its true id, frame by frame."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    stack = []
    for cells in frames:
        image = np.zeros(shape, np.uint16)
        for cell, (cy, cx, radius) in cells.items():
            image[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = cell
        stack.append(image)
    return np.array(stack).reshape(-1, *shape)


def ids_at(tracking: Tracking, truth: NDArray[np.integer], cell: int) -> list[int]:
    """Return the id that most of a true cell's pixels got in each frame; 0 where it is absent."""
    found = []
    for labels, true in zip(tracking, truth, strict=True):
        inside = labels[true == cell]
        found.append(int(np.bincount(inside).argmax()) if inside.size else 0)
    return found


def affine_at(
    place: NDArray[np.float64], moved: NDArray[np.float64], where: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit a movement that varies linearly, near cells and fitting cells counting more."""
    arms = place - where
    away = np.linalg.norm(arms, axis=1)
    reach = away.max() + 1e-12
    design = np.column_stack([np.ones(len(arms)), arms / reach])
    near = (1 - (0.9 * away / reach) ** 3) ** 3
    weight = near
    for _ in range(3):
        normal = design.T @ (weight[:, None] * design) + np.diag([1e-6, 0.3, 0.3])
        model = np.linalg.solve(normal, design.T @ (weight[:, None] * moved))
        off = np.linalg.norm(moved - design @ model, axis=1)
        typical = max(float(np.average(off, weights=near)), 0.5)
        weight = near / (1 + (off / typical) ** 2) ** 2
    return model[0]  # type: ignore[no-any-return]


def divided(
    pixels: NDArray[np.int64], center: NDArray[np.float64], covariance: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Give each pixel (N, 2) to the nearest ellipse, and each ellipse its nearest free pixel."""
    arms = pixels[None] - center[:, None]
    away = np.einsum("knd,kde,kne->kn", arms, np.linalg.inv(covariance), arms)
    owner = away.argmin(axis=0)
    for cell in range(len(away)):
        nearest = int(away[cell].argmin())
        owner[nearest] = cell
        away[:, nearest] = np.inf
    return owner  # type: ignore[no-any-return]


def best_saving(explanations: Sequence[tuple[set[int], float]]) -> float:
    """Return the greatest saving of explanations without common members, by trying all."""
    if not explanations:
        return 0.0
    (cells, saving), rest = explanations[0], explanations[1:]
    with_it = saving + best_saving([e for e in rest if not e[0] & cells])
    return max(with_it, best_saving(rest))
