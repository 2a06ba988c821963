"""Small movies for tests that need some cells, and need them fast."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyama_core.io.nd2.layout import Nd2Layout, Position, TimePhase
from pyama_core.io.nd2.writer import write_nd2
from pyama_core.io.types import ChannelInfo

CHANNELS = (ChannelInfo("Phase"), ChannelInfo("GFP", emission_nm=509.0))
MINUTES_PER_FRAME = 5.0


def scene_frame(fov: int, t: int, size: int) -> NDArray[np.uint16]:
    """Two drifting blobs: rough in phase contrast, bright and brightening in fluorescence."""
    rng = np.random.default_rng((fov, t))
    rows, columns = np.indices((size, size))
    phase = rng.normal(8000, 20, (size, size))
    glow = np.full((size, size), 300.0)
    for row, column in ((0.3, 0.3), (0.7, 0.65)):
        inside = np.hypot(rows - row * size - t, columns - column * size) < size / 7
        phase[inside] += rng.normal(0, 900, int(inside.sum()))
        glow[inside] += 200 + 50 * t
    return np.stack([phase, rng.poisson(glow)]).astype(np.uint16)


def write_scene(path: Path, *, n_fovs: int, n_frames: int, size: int) -> None:
    """Write such a movie as an ND2 file, one frame every five minutes."""
    layout = Nd2Layout(
        phases=(TimePhase(n_frames),),
        positions=tuple(Position(f"Pos{fov}") for fov in range(n_fovs)),
    )
    write_nd2(
        path,
        lambda fov, t, z: scene_frame(fov, t, size),
        channels=CHANNELS,
        layout=layout,
        pixel_size_um=0.65,
        frame_times_ms=np.arange(n_frames) * MINUTES_PER_FRAME * 60_000,
    )
