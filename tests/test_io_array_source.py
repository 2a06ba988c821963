"""Arrays as sources: any axes, any array library, the protocol of a file."""

import pickle
from itertools import permutations, product

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyama_core.errors import InputError, ReadError
from pyama_core.io import ArraySource, ChannelInfo

SIZES = {"P": 2, "T": 3, "C": 2, "Z": 2, "Y": 5, "X": 7}
FULL = np.random.default_rng(0).integers(0, 65535, tuple(SIZES.values())).astype(np.uint16)
"""``(P, T, C, Z, Y, X)``"""


def arranged(axes):
    """The part of FULL with these axes, in this order; index 0 of the others."""
    part = FULL[tuple(slice(None) if axis in axes else 0 for axis in SIZES)]
    present = [axis for axis in SIZES if axis in axes]
    return part.transpose([present.index(axis) for axis in axes])


def check_frames(source, axes):
    metadata = source.metadata
    sizes = (metadata.n_fovs, metadata.n_frames, metadata.n_z)
    assert sizes == tuple(SIZES[axis] if axis in axes else 1 for axis in "PTZ")
    for fov, frame, z in product(*map(range, sizes)):
        planes = source.read_channels(fov, frame, range(metadata.n_channels), z)
        np.testing.assert_array_equal(planes, FULL[fov, frame, : metadata.n_channels, z])


AXES = [
    "".join(order)
    for extra in ("", "T", "C", "PT", "TC", "PTC", "PTCZ")
    for order in permutations((*extra, "Y", "X"))
]


@settings(deadline=None)
@given(axes=st.sampled_from(AXES), library=st.sampled_from([np.asarray, da.from_array]))
def test_axes_may_come_in_any_order(axes, library):
    check_frames(ArraySource(library(arranged(axes)), axes), axes)


def test_two_and_three_axes_need_no_letters():
    check_frames(ArraySource(arranged("YX")), "YX")
    check_frames(ArraySource(arranged("TYX")), "TYX")


def test_a_list_holds_one_array_per_channel():
    source = ArraySource([FULL[:, :, 0], FULL[:, :, 1]], "PTZYX", channels=["Ph", "GFP"])
    assert source.metadata.channel_names == ("Ph", "GFP")
    check_frames(source, "PTZ")


def test_dask_computes_only_the_frame_asked_for():
    computed = []

    def block(block_info=None):
        computed.append(block_info[None]["chunk-location"])
        return np.zeros((1, 4, 4), np.uint16)

    lazy = da.map_blocks(block, chunks=((1,) * 1000, (4,), (4,)), dtype=np.uint16)
    source = ArraySource(lazy)
    computed.clear()
    source.read_frame(0, 0, 500)
    assert computed == [(500, 0, 0)]


def test_what_is_said_of_an_array_is_in_its_metadata():
    source = ArraySource(
        arranged("PTCYX"),
        "PTCYX",
        name="layer",
        channels=["Ph", ChannelInfo("GFP", 525.0)],
        fov_names=["a", "b"],
        pixel_size_um=0.65,
        frame_times_min=[0.0, 5.0, 11.0],
    )
    metadata = source.metadata
    assert (metadata.base_name, metadata.dtype, metadata.file_type) == ("layer", "uint16", "array")
    assert metadata.channels == (ChannelInfo("Ph"), ChannelInfo("GFP", 525.0))
    assert metadata.fov_names == ("a", "b")
    assert metadata.pixel_size_um == 0.65
    assert metadata.times_of(1).tolist() == [0.0, 5.0, 11.0]
    assert (metadata.time_source, metadata.warnings) == ("given", ())


def test_files_can_be_named_after_any_layer():
    source = ArraySource(arranged("TYX"), name="phase/raw: 1")
    assert source.metadata.base_name == "phase_raw_ 1"


def test_without_times_frames_are_numbered_with_a_warning():
    metadata = ArraySource(arranged("TYX")).metadata
    assert metadata.times_of(0).tolist() == [0.0, 1.0, 2.0]
    assert metadata.time_source == "frame index"
    assert "not minutes" in metadata.warnings[0]


@pytest.mark.parametrize(
    ("given", "read", "warned"),
    [
        ("bool", "uint8", False),
        ("uint8", "uint8", False),
        ("float32", "float32", False),
        ("int64", "float32", True),
        ("float64", "float32", True),
    ],
)
def test_dtypes_no_step_knows_are_read_as_one_that_all_know(given, read, warned):
    array = np.array([[0, 1], [1, 1]]).astype(given)
    source = ArraySource(array)
    plane = source.read_frame(0, 0, 0)
    assert plane.dtype == source.metadata.dtype == read
    assert any("read as float32" in warning for warning in source.metadata.warnings) is warned
    np.testing.assert_array_equal(plane, array.astype(read))


def test_planes_are_copies_and_closing_ends_reading():
    array = arranged("TYX").copy()
    source = ArraySource(array)
    plane = source.read_frame(0, 0, 0)
    plane[:] = 0
    np.testing.assert_array_equal(array, arranged("TYX"))
    source.close()
    with pytest.raises(ReadError, match="array is closed"):
        source.read_frame(0, 0, 0)


def test_identity_follows_content_and_times_not_the_name():
    array = arranged("PTCYX")
    changed = array.copy()
    changed[0, 0, 0, 0, 0] += 1
    identity = ArraySource(array, "PTCYX").identity()
    assert ArraySource(array.copy(), "PTCYX", name="other").identity() == identity
    assert ArraySource(da.from_array(array), "PTCYX").identity() == identity
    assert ArraySource(changed, "PTCYX").identity() != identity
    assert ArraySource(array, "PTCYX", frame_times_min=[0, 2, 4]).identity() != identity


def test_sources_are_picklable():
    check_frames(pickle.loads(pickle.dumps(ArraySource(arranged("TYX")))), "TYX")


@pytest.mark.parametrize(
    ("data", "axes", "options", "message"),
    [
        (FULL, None, {}, r"axes is '' for an array of shape \(2, 3, 2, 2, 5, 7\)"),
        (FULL[0, 0], "CZYY", {}, "axes is 'CZYY'"),
        (FULL[0, 0], "QZYX", {}, "each once, for example 'CZYX'|any others of PTCZYX"),
        (FULL[0, 0], "TYX", {}, "does not fit axes 'TYX'"),
        (FULL[0, 0, 0, :0], "TYX", {}, "does not fit"),
        ([FULL[0], FULL[0, :, :1]], "TCZYX", {}, "arrays of one shape"),
        ([], "YX", {}, "at least one"),
        ([FULL[0]], "TCZYX", {}, "axes is 'TCZYX'"),
        (FULL[0, :, 0, 0], None, {"channels": ["a", "b"]}, "channels has 2 entries"),
        (FULL[0, :, 0, 0], None, {"fov_names": ["a", "b"]}, "fov_names has 2 entries"),
        (FULL[0, :, 0, 0], None, {"frame_times_min": [0, 1]}, r"shape \(2,\).*\(3,\) or \(1, 3\)"),
        (FULL[0, :, 0, 0], None, {"frame_times_min": [0, 2, 1]}, "has to increase"),
        (FULL[0, :, 0, 0].astype(complex), None, {}, "complex128 holds no intensities"),
    ],
)
def test_what_does_not_fit_is_named(data, axes, options, message):
    with pytest.raises(InputError, match=message):
        ArraySource(data, axes, **options)
