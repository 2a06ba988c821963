"""Folders of results with trace tables, and what pandas makes of them."""

from pathlib import Path

import numpy as np
import pandas as pd

from pyama_core.io.result_files import ResultsPathsPerFOV
from pyama_core.io.results import ResultsIndex, write_results
from pyama_core.io.tables import write_table

FOVS = (0, 1, 2, 5)


def traces_of(fov: int, channel: int, n_frames: int = 4, n_cells: int = 3) -> dict:
    """Make a trace table of one FOV and channel."""
    rng = np.random.default_rng([fov, channel])
    cell = np.repeat(np.arange(1, n_cells + 1), n_frames)
    frame = np.tile(np.arange(n_frames), n_cells)
    table = {
        "fov": np.full(len(cell), fov),
        "cell": cell,
        "frame": frame,
        "time": frame * 10.0 + fov / 7,
        "good": (cell != 2),
        "position_x": rng.random(len(cell)),
        "position_y": rng.random(len(cell)),
        "intensity_total": rng.normal(1000, 100, len(cell)),
        "area": rng.integers(50, 90, len(cell)),
    }
    if channel == 2:
        table["intensity_mean"] = table["intensity_total"] / table["area"]
    table["reason"] = np.where(cell == 2, "smaller than 60 px", "").astype(object)
    return {name: column[cell != fov] for name, column in table.items()}


def two_channels(folder: Path) -> ResultsIndex:
    """Write four FOVs, two channels; cell 2 is not good, cell 1 of FOV 1 and so on is absent."""
    index = ResultsIndex(folder, 0, [1, 2])
    for fov in FOVS:
        index.fovs[fov] = ResultsPathsPerFOV()
        for channel in (1, 2):
            path = folder / f"fov_{fov:03d}" / f"e_fov_{fov:03d}_traces_ch_{channel}.csv"
            write_table(path, traces_of(fov, channel))
            index.fovs[fov].traces_csv.append((channel, path))
    write_results(index)
    return index


def by_hand(results: ResultsIndex, fovs: tuple[int, ...], channel: int) -> pd.DataFrame:
    """Read the tables of some FOVs one below the other."""
    paths = [dict(results.fovs[fov].traces_csv)[channel] for fov in fovs]
    return pd.concat([pd.read_csv(path, keep_default_na=False) for path in paths])


def one_table_for_all_channels(folder: Path) -> ResultsIndex:
    """Write one FOV whose only table holds both channels."""
    path = folder / "fov_000" / "e_fov_000_traces.csv"
    path.parent.mkdir(parents=True)
    path.write_text(
        "fov,cell,frame,time,good,position_x,position_y,area_ch_0,"
        "intensity_total_ch_1,intensity_total_ch_2\n0,1,0,0.0,True,5.0,6.0,64,100.0,200.0\n"
    )
    return ResultsIndex(
        folder, 0, [1, 2], {0: ResultsPathsPerFOV(traces_csv=[(1, path), (2, path)])}
    )
