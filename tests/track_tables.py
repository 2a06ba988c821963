"""Trace tables of a few cells that move slowly."""

import numpy as np

N_FRAMES = 8


def table_of(cells: dict[int, tuple[float, float]], first: int = 0) -> dict[str, np.ndarray]:
    """Tracks that move slowly to the right, by cell and where it starts."""
    cell = np.repeat(list(cells), N_FRAMES)
    frame = np.tile(np.arange(first, first + N_FRAMES), len(cells))
    start = np.array([cells[c] for c in cell]).reshape(-1, 2)
    return {
        "fov": np.zeros(len(cell), int),
        "cell": cell,
        "frame": frame,
        "time": frame * 10.0,
        "good": cell != 9,
        "position_x": start[:, 0] + 0.5 * frame,
        "position_y": start[:, 1],
        "intensity_total": np.arange(len(cell)) * 1.5,
        "area": np.full(len(cell), 100),
        "reason": np.where(cell == 9, "shorter than 30 frames", "").astype(object),
    }


def good_by_cell(table: dict[str, np.ndarray]) -> dict[int, bool]:
    """Return who is good; the last row of a cell counts."""
    return dict(zip(table["cell"].tolist(), table["good"].tolist(), strict=True))
