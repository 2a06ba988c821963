"""A small movie made of whole numbers only, so that it is the same on every machine."""

import numpy as np
from numpy.typing import NDArray

SHAPE = (96, 112)
N_FRAMES = 8

_STEP, *_FACTORS = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Constants of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""


def noise(shape: tuple[int, ...], seed: int) -> NDArray[np.int64]:
    """Return whole numbers from 0 to 255 without any pattern."""
    state = np.arange(np.prod(shape), dtype=np.uint64) + np.uint64(seed * _STEP % 2**64)
    for shift, factor in zip((30, 27), _FACTORS, strict=True):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return (state >> np.uint64(56)).astype(np.int64).reshape(shape)


def cells_at(t: int) -> dict[int, tuple[int, int, int]]:
    """Return row, column and radius of each cell in a frame.

    Cells 1 and 2 meet and part, 3 goes unseen for a frame, 4 divides into 5 and 6.
    """
    cells = {1: (22, 20 + 4 * t, 13), 2: (22, 62 + 8 * max(t - 5, 0), 11), 3: (48, 88, 12)}
    if t == 2:
        del cells[3]
    apart = max(t - 3, 0)
    daughters = {5: (56 - apart, 28, 9), 6: (76 + apart, 28, 9)}
    return cells | ({4: (66, 28, 13)} if t < 3 else daughters)


def labels() -> NDArray[np.uint16]:
    """Return the cells of every frame, ``(T, H, W)``."""
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    stack = np.zeros((N_FRAMES, *SHAPE), np.uint16)
    for t, frame in enumerate(stack):
        for cell, (row, column, radius) in cells_at(t).items():
            frame[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = cell
    return stack


def phase() -> NDArray[np.uint16]:
    """Return frames in which cells are rough and the rest is smooth."""
    rough = noise((N_FRAMES, *SHAPE), 1)
    return (2000 + rough // 8 + 8 * rough * (labels() > 0)).astype(np.uint16)


def fluorescence(medium: list[int], seed: int) -> NDArray[np.uint16]:
    """Return glowing cells over unevenly lit medium; `medium` is its light in each frame."""
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    light = 1000 - (y - 40) ** 2 // 20 - (x - 60) ** 2 // 25
    glow = np.array(medium)[:, None, None] + 40 * labels().astype(np.int64)
    grain = noise((N_FRAMES, *SHAPE), seed) // 16
    return (100 + glow * light // 1000 + grain).astype(np.uint16)
