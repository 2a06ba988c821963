"""Trace tables and folders of results for tests, of cells that glow as a known function of time."""

from pathlib import Path

import numpy as np

from pyama_core.columns import (
    AREA,
    BEGAN,
    CELL,
    ENDED,
    FIRST_FRAME,
    FOV,
    FRAME,
    GOOD,
    INTENSITY_TOTAL,
    LAST_FRAME,
    PARENT,
    POSITION_X,
    POSITION_Y,
    REASON,
    TIME,
)
from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.results import ResultsIndex, write_results
from pyama_core.io.tables import write_table

N_FRAMES, SIZE, INTERVAL = 6, 64, 5.0
CELLS = (1, 2, 3, 4)
"""Cell 2 divides after frame 2 into 3 and 4; cell 4 is rejected."""
LIVES = {1: (0, 6), 2: (0, 3), 3: (3, 6), 4: (3, 6)}
RADIUS = 5


def intensity(cell, frame, fov=0, channel=1):
    """What is measured of a cell."""
    return 1000.0 * channel + 100.0 * cell + 10.0 * fov + frame


def center(cell, frame):
    """Where a cell is, ``(y, x)``."""
    return 8.0 + 14 * (cell - 1), 20.0 + 3 * frame


def table(fov=0, channel=1, lives=LIVES):
    """Make a trace table of one FOV and channel."""
    rows = [(cell, frame) for cell, (first, end) in lives.items() for frame in range(first, end)]
    cells, frames = (np.array(column) for column in zip(*rows, strict=True))
    y, x = center(cells, frames)
    return {
        FOV: np.full(len(rows), fov),
        CELL: cells,
        FRAME: frames,
        TIME: INTERVAL * frames,
        GOOD: cells != 4,
        POSITION_X: x.astype(float),
        POSITION_Y: y.astype(float),
        INTENSITY_TOTAL: intensity(cells, frames, fov, channel).astype(float),
        AREA: np.full(len(rows), 70),
        REASON: np.where(cells == 4, "too dim", "").astype(object),
    }


def lineage():
    """Make the lineage table of a FOV."""
    return {
        CELL: np.array(CELLS),
        PARENT: np.array([0, 0, 2, 2]),
        FIRST_FRAME: np.array([LIVES[cell][0] for cell in CELLS]),
        LAST_FRAME: np.array([LIVES[cell][1] - 1 for cell in CELLS]),
        BEGAN: np.array(["start", "start", "division", "division"], dtype=object),
        ENDED: np.array(["end", "division", "end", "end"], dtype=object),
    }


def labels():
    """Draw the tracked cells of a FOV as squares, ``(T, H, W)``."""
    movie = np.zeros((N_FRAMES, SIZE, SIZE), np.uint16)
    for cell, (first, end) in LIVES.items():
        for frame in range(first, end):
            y, x = (int(part) for part in center(cell, frame))
            movie[frame, y - RADIUS : y + RADIUS, x - RADIUS : x + RADIUS] = cell
    return movie


def results_folder(folder: Path, n_fovs=2, channels=(1, 2)) -> Path:
    """Write a folder of results as a run leaves it."""
    fovs = {}
    for fov in range(n_fovs):
        base = folder / f"fov_{fov:03d}" / f"movie_fov_{fov:03d}"
        base.parent.mkdir(parents=True)
        np.save(f"{base}_seg_labeled_ch_0.npy", labels())
        write_table(Path(f"{base}_lineage_ch_0.csv"), lineage())
        traces = [(c, Path(f"{base}_traces_ch_{c}.csv")) for c in channels]
        for channel, path in traces:
            write_table(path, table(fov, channel))
        fovs[fov] = ResultsPathsPerFOV(
            seg_labeled=(0, Path(f"{base}_seg_labeled_ch_0.npy")),
            traces_csv=traces,
            lineage=(0, Path(f"{base}_lineage_ch_0.csv")),
        )
    write_results(ResultsIndex(folder, 0, channels, fovs))
    return folder


def many_traces(path: Path, n_cells=1000, n_frames=200) -> Path:
    """Write a trace table of many long traces."""
    lives = dict.fromkeys(range(1, n_cells + 1), (0, n_frames))
    rows = table(lives=lives)
    noise = np.random.default_rng(0).normal(0, 300, len(rows[CELL]))
    rows[INTENSITY_TOTAL] = rows[INTENSITY_TOTAL] + noise
    for axis in (POSITION_Y, POSITION_X):
        rows[axis] = 20 + rows[axis] % 450
    rows[GOOD] = rows[CELL] % 5 > 0
    write_table(path, rows)
    return path
