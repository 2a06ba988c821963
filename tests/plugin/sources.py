"""Small experiments for tests of the plugin, in memory."""

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_pyama.layers.raw import raw_layers
from napari_pyama.session.viewer_setup import start_at_first_frame
from pyama_core.io import ArraySource, ChannelInfo

N_FOVS, N_FRAMES, HEIGHT, WIDTH = 2, 4, 64, 80


def cells(n_frames: int = N_FRAMES) -> NDArray[np.uint16]:
    """Two textured squares per FOV that move to the right, lower in each FOV, ``(P, T, Y, X)``."""
    rng = np.random.default_rng(3)
    movie = rng.normal(1000, 5, (N_FOVS, n_frames, HEIGHT, WIDTH))
    for fov, frame in np.ndindex(N_FOVS, n_frames):
        for top, left in ((5 + 2 * fov, 5 + frame), (36 + 2 * fov, 30 + frame)):
            square = movie[fov, frame, top : top + 22, left : left + 22]
            square += rng.normal(400, 150, square.shape)
    return movie.clip(0, 65535).astype(np.uint16)


def experiment() -> ArraySource:
    """Phase and one fluorescence channel of two FOVs, every 5 minutes, 0.5 um pixels."""
    movie = cells()
    return ArraySource(
        [movie, movie // 4],
        "PTYX",
        name="movie",
        channels=[ChannelInfo("Phase"), ChannelInfo("GFP", emission_nm=525.0)],
        fov_names=("A1", "B2"),
        pixel_size_um=0.5,
        frame_times_min=np.arange(N_FRAMES) * 5.0,
    )


def stack_experiment() -> ArraySource:
    """One channel of one FOV with three z planes."""
    movie = cells()[:1, :, None] + np.arange(3, dtype=np.uint16)[None, None, :, None, None]
    return ArraySource(movie, "PTZYX", name="stack", pixel_size_um=0.5, z_step_um=1.0)


def open_in(viewer, source):
    """Open an experiment in a viewer, as dropping its file does."""
    open_layers(viewer, raw_layers(source))


def open_layers(viewer, layers):
    """Open layers in a viewer, as napari opens those of a reader."""
    for layer in start_at_first_frame(viewer, layers):
        viewer.add_layer(Layer.create(*layer))
