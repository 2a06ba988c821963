"""Contrast limits: of several frames that hold something, never of noise alone."""

import numpy as np
import pytest
from napari.components import ViewerModel
from scipy.ndimage import gaussian_filter

from napari_pyama.layers.contrast import contrast_of, limits_of, sample_channels, sample_of
from napari_pyama.layers.raw import FOUND_LIMITS, raw_layers
from napari_pyama.layers.results import result_layers
from napari_pyama.session.viewer_layers import show_layers
from pyama_core.io import ArraySource, ChannelInfo
from pyama_core.io.result_files import ResultsPathsPerFOV

SIZE, NOISE, BACKGROUND, CELL = 96, 8.0, 300.0, 900.0
GFP = ChannelInfo("GFP", emission_nm=510.0)
CELLS = gaussian_filter(
    np.pad(np.ones((20, 20)), ((10, 66), (40, 36)))
    + np.pad(np.ones((16, 16)), ((60, 20), (8, 72))),
    2,
)
"""Two cells that cover 7 % of a frame."""


def frame(rng, cells=CELL, background=BACKGROUND, noise=NOISE):
    """A frame of a camera."""
    return background + cells * CELLS + rng.normal(0, noise, (SIZE, SIZE))


def movie(n_fovs=2, n_frames=10, **options):
    rng = np.random.default_rng(0)
    frames = [[frame(rng, **options) for _ in range(n_frames)] for _ in range(n_fovs)]
    return np.array(frames).clip(0, 65535).astype(np.uint16)


def shown_at(stack, channel=GFP):
    """Return the limits with which a stack opens."""
    source = ArraySource(stack, "PTYX", channels=[channel])
    return raw_layers(source)[0][1]["contrast_limits"]


def gray(level, limits):
    """Return how bright a level is shown, 0 to 1."""
    return (level - limits[0]) / (limits[1] - limits[0])


def assert_cells_are_seen(limits):
    assert gray(BACKGROUND, limits) < 0.2
    assert 0.6 < gray(BACKGROUND + CELL, limits) < 1.3


def test_cells_are_bright_and_their_background_dark():
    assert_cells_are_seen(shown_at(movie()))


@pytest.mark.parametrize("held", [[0], [0, 1, 2], [7], range(3, 9)])
def test_frames_that_are_not_held_do_not_count(held):
    stack = movie(n_frames=10)
    stack[:, [t for t in range(10) if t not in held]] = 0
    assert_cells_are_seen(shown_at(stack))


def test_frames_of_a_file_that_ended_early_are_not_looked_at():
    source = ArraySource(movie(1, 40), "PTYX", channels=[GFP])
    object.__setattr__(source.metadata, "missing_frames", {0: tuple(range(8, 40))})
    seen = []

    def read(fov, frame):
        seen.append(frame)
        return [source.read_frame(fov, 0, frame)]

    sample_channels(source.metadata, read, 1)
    assert len(seen) > 3 and max(seen) < 8


def test_a_channel_recorded_now_and_then_is_found():
    stack = movie(1, 200)
    stack[:, [t for t in range(200) if t % 20]] = 0
    assert_cells_are_seen(shown_at(stack))


@pytest.mark.parametrize("level", [60_000, 5_000, 65_535])
@pytest.mark.parametrize("at", range(5))
def test_a_flash_does_not_count(level, at):
    stack = movie(1, 5)
    stack[:, at] = np.minimum(stack[:, at].astype(int) + level, 65535)
    assert_cells_are_seen(shown_at(stack))


def test_a_flash_of_a_part_of_the_field_does_not_count():
    stack = movie(1, 8)
    stack[:, 4, :30] = 50_000
    assert_cells_are_seen(shown_at(stack))


@pytest.mark.parametrize("dark", [[0], [0, 1], [3]])
def test_dark_fovs_do_not_make_others_glare(dark):
    stack = movie(4, 6)
    stack[dark] = movie(4, 6, cells=0, background=100, noise=3)[dark]
    assert_cells_are_seen(shown_at(stack))


def test_one_fov_with_cells_among_empty_ones_decides():
    stack = movie(6, 6, cells=0)
    stack[4] = movie(6, 6)[4]
    assert_cells_are_seen(shown_at(stack))


def test_cells_that_light_up_late_are_not_white_in_the_end():
    stack = np.concatenate([movie(1, 1, cells=60.0 * t) for t in range(20)], axis=1)
    limits = shown_at(stack)
    assert gray(BACKGROUND + 60 * 19, limits) < 1.4


@pytest.mark.parametrize("channel", [GFP, ChannelInfo("Phase")])
@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0, 50.0])
def test_noise_takes_a_small_part_of_the_grays(channel, noise):
    stack = movie(cells=0, background=500, noise=noise)
    low, high = shown_at(stack, channel)
    assert high - low > 15 * stack.std()


def test_few_photons_are_noise_too():
    stack = np.random.default_rng(0).poisson(0.1, (2, 8, SIZE, SIZE)).astype(np.uint16)
    low, high = shown_at(stack)
    assert high - low > 4


@pytest.mark.parametrize(("dtype", "most"), [("uint8", 255), ("uint16", 65535), ("float32", 1)])
def test_an_empty_channel_opens_black(dtype, most):
    assert shown_at(np.zeros((2, 3, 8, 8), dtype)) == (0, most)


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.full((4, 4), np.nan), np.ones((1, 1))])
def test_limits_increase_even_without_contrast(image):
    low, high = contrast_of(image)
    assert low < high


def test_what_is_not_finite_is_left_out():
    image = frame(np.random.default_rng(0)).astype(np.float32)
    image[:9] = np.nan
    image[9, :5] = np.inf
    assert_cells_are_seen(limits_of([sample_of(image)], image.dtype, 25.0))


def test_a_frame_that_cannot_be_read_does_not_keep_a_file_shut(monkeypatch):
    from pyama_core.errors import ReadError

    source = ArraySource(movie(1, 6), "PTYX", channels=[GFP])
    read = source.read_channels

    def read_some(fov, frame, channels, z=0):
        if frame in (0, 3):
            raise ReadError("The frame is damaged.")
        return read(fov, frame, channels, z)

    monkeypatch.setattr(source, "read_channels", read_some)
    assert_cells_are_seen(raw_layers(source)[0][1]["contrast_limits"])


def test_no_more_frames_are_read_than_it_takes():
    source = ArraySource(movie(3, 20), "PTYX", channels=[GFP])
    read = []
    sample_channels(
        source.metadata, lambda *at: read.append(at) or [source.read_frame(at[0], 0, at[1])], 1
    )
    assert read[0] == (0, 0) and len(read) == len(set(read)) == 6
    assert len({fov for fov, _ in read}) == 3


@pytest.fixture
def results(tmp_path):
    """Results that come one by one: an experiment, where they are, and who writes one."""
    source = ArraySource(movie(3, 4), "PTYX", channels=[GFP])

    def files(fov):
        return ResultsPathsPerFOV(fl_corrected=[(0, tmp_path / f"{fov}.npy")])

    def finish(fov, cells):
        stack = movie(1, 4, cells=cells, background=1000)[0] - 1000.0
        np.save(files(fov).fl_corrected[0][1], stack.astype(np.float32))

    return source, files, finish


def test_limits_of_results_follow_what_comes_until_the_user_sets_some(results):
    source, files, finish = results
    viewer = ViewerModel()
    finish(0, cells=0)
    show_layers(viewer, result_layers(source, files))
    layer = viewer.layers["GFP corrected"]
    assert layer.contrast_limits[1] < 300
    finish(1, cells=CELL)
    show_layers(viewer, result_layers(source, files))
    assert 600 < layer.contrast_limits[1] < 1300
    assert tuple(layer.contrast_limits) == layer.metadata[FOUND_LIMITS]
    layer.contrast_limits = (0, 50)
    finish(2, cells=10 * CELL)
    show_layers(viewer, result_layers(source, files))
    assert tuple(layer.contrast_limits) == (0, 50)
