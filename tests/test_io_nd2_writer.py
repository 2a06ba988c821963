"""What the writer writes, the nd2 library reads back exactly."""

import tracemalloc

import nd2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyama_core.errors import InputError
from pyama_core.io.nd2.writer import DTYPES, Nd2Layout, Position, TimePhase, write_nd2
from pyama_core.io.types import ChannelInfo
from tests.reference.nd2_files import (
    layout,
    plain_frames,
    plain_times_ms,
    random_frames,
    write_frames,
)

pytestmark = pytest.mark.usefixtures("no_leaked_files")

ORDERS = ("TPZ", "PTZ", "ZPT", "TZP", "PZT", "ZTP")


@settings(max_examples=40, deadline=None)
@given(
    order=st.sampled_from(ORDERS),
    sizes=st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3)),
    n_channels=st.integers(1, 4),
    shape=st.tuples(st.integers(1, 18), st.integers(1, 18)),
    dtype=st.sampled_from(DTYPES),
    compress=st.booleans(),
    row_alignment=st.sampled_from((4, 64)),
)
def test_pixels_and_times_come_back_exactly(
    tmp_path_factory, order, sizes, n_channels, shape, dtype, compress, row_alignment
):
    path = tmp_path_factory.mktemp("nd2") / "movie.nd2"
    loops = layout(*sizes, order=order, compress=compress, row_alignment=row_alignment)
    frames = random_frames(loops, n_channels, shape, dtype)
    times = np.random.default_rng(1).uniform(0, 1e6, frames.shape[:3])
    write_frames(path, frames, loops, frame_times_ms=times)

    read = plain_frames(path)

    assert read.dtype == frames.dtype
    np.testing.assert_array_equal(read, frames)
    np.testing.assert_array_equal(plain_times_ms(path), times)


def test_names_wavelengths_and_scale_come_back(tmp_path):
    path = tmp_path / "movie.nd2"
    channels = (
        ChannelInfo("Phase µ", color="#ffffff"),
        ChannelInfo("GFP", emission_nm=525.0, excitation_nm=488.0, color="#00ff40"),
    )
    loops = layout(n_fovs=1, n_z=3, positions=(Position("well A1", 1.0, 2.0, 3.0),), z_step_um=0.5)
    write_frames(path, random_frames(loops, 2), loops, channels=channels)

    with nd2.ND2File(path) as file:
        phase, gfp = (entry.channel for entry in file.metadata.channels)
        point = file.experiment[1].parameters.points[0]
        assert (phase.name, phase.emissionLambdaNm) == ("Phase µ", None)
        assert (gfp.name, gfp.emissionLambdaNm, gfp.excitationLambdaNm) == ("GFP", 525.0, 488.0)
        assert (gfp.color.r, gfp.color.g, gfp.color.b) == (0x00, 0xFF, 0x40)
        assert file.voxel_size() == (0.65, 0.65, 0.5)
        assert point.name == "well A1"
        assert point.stagePositionUm == (1.0, 2.0, 3.0)


def test_time_lapse_nests_positions_inside_time_by_default(tmp_path):
    loops = layout(n_fovs=2, n_frames=3)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    with nd2.ND2File(path) as file:
        assert [loop.type for loop in file.experiment] == ["TimeLoop", "XYPosLoop"]


def test_several_phases_make_a_non_equidistant_loop(tmp_path):
    phases = (TimePhase(2, 1000.0), TimePhase(3, 5000.0))
    loops = Nd2Layout(phases=phases)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    with nd2.ND2File(path) as file:
        (loop,) = file.experiment
        assert loop.type == "NETimeLoop"
        assert [(phase.count, phase.periodMs) for phase in loop.parameters.periods] == [
            (2, 1000.0),
            (3, 5000.0),
        ]


def test_invalid_positions_are_listed_without_frames(tmp_path):
    positions = (Position("a"), Position("b", valid=False), Position("c"))
    loops = Nd2Layout(positions=positions)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)
    with nd2.ND2File(path) as file:
        assert [point.name for point in file.experiment[1].parameters.points] == ["a", "c"]
        assert file.attributes.sequenceCount == 2


def test_frames_may_come_as_an_iterable_in_file_order(tmp_path):
    loops = layout(n_fovs=2, n_frames=2)
    frames = random_frames(loops)
    in_order = [frames[index] for index in loops.indices()]
    write_nd2(tmp_path / "movie.nd2", iter(in_order), channels=[ChannelInfo("a")], layout=loops)
    np.testing.assert_array_equal(plain_frames(tmp_path / "movie.nd2"), frames)


def test_memory_does_not_grow_with_the_movie(tmp_path):
    loops = layout(n_frames=200)
    frame = np.ones((1, 128, 128), np.uint16)
    tracemalloc.start()
    write_nd2(tmp_path / "movie.nd2", lambda *_: frame, channels=[ChannelInfo("a")], layout=loops)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * frame.nbytes


def test_a_failing_source_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "movie.nd2"
    path.write_text("precious")

    def fail(fov, frame, z):
        raise RuntimeError("the camera is gone")

    with pytest.raises(RuntimeError, match="camera"):
        write_nd2(path, fail, channels=[ChannelInfo("a")])
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "0 frames were given: the layout has 2"),
        ([np.ones((1, 4, 4), np.uint8)] * 3, "More frames were given than the 2"),
        ([np.ones((2, 4, 4), np.uint8)] * 2, r"shape \(2, 4, 4\): expected \(1, H, W\)"),
        ([np.ones((1, 4, 4), np.int64)] * 2, "int64: an ND2 file holds uint8, uint16, float32"),
        ([np.ones((1, 4, 4), np.uint8), np.ones((1, 4, 5), np.uint8)], "Frame 1 is uint8"),
        ([None, None], "No frame was given"),
    ],
)
def test_frames_that_do_not_fit_are_named(tmp_path, frames, message):
    with pytest.raises(InputError, match=message):
        write_nd2(
            tmp_path / "movie.nd2",
            frames,
            channels=[ChannelInfo("a")],
            layout=layout(n_frames=2),
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": "TT"}, "order is 'TT'"),
        ({"order": "T", "n_z": 2}, "loop Z has 2 members"),
        ({"phases": ()}, "T loop has 0 members"),
        ({"positions": (Position(valid=False),)}, "P loop has 0 members"),
    ],
)
def test_impossible_layouts_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        Nd2Layout(**changes)


def test_times_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(InputError, match=r"shape \(3,\): it must fit"):
        write_nd2(
            tmp_path / "movie.nd2",
            lambda *_: np.ones((1, 4, 4), np.uint8),
            channels=[ChannelInfo("a")],
            layout=layout(n_frames=2),
            frame_times_ms=[0.0, 1.0, 2.0],
        )
