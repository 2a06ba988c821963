"""Metadata made by hand against those of the file, and channels by index or name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.io import ChannelInfo, MicroscopyMetadata, channel_index, check_consistent
from pyama_core.processing.workflow.resolve import complete_from

ACTUAL = MicroscopyMetadata(
    file_path=Path("movie.nd2"),
    base_name="movie",
    n_fovs=2,
    n_frames=37,
    height=384,
    width=384,
    n_channels=3,
    n_z=5,
    dtype="uint16",
    channels=(ChannelInfo("Phase"), ChannelInfo("GFP"), ChannelInfo("gfp")),
    fov_names=("A1", "A2"),
    pixel_size_um=0.65,
    z_step_um=0.5,
    frame_times_min=np.zeros((2, 37)),
    time_source="frames",
)
STATED = MicroscopyMetadata(Path("elsewhere.nd2"), "mine", 2, 37, 384, 384)


def test_what_is_not_stated_contradicts_nothing():
    check_consistent(STATED, ACTUAL)
    check_consistent(ACTUAL, ACTUAL)


@pytest.mark.parametrize("name", ["a/b", "../a", "/tmp/a", "a/"])
def test_a_name_that_leads_into_another_folder_is_refused(name):
    with pytest.raises(InputError, match="without folders"):
        check_consistent(replace(STATED, base_name=name), ACTUAL)


def test_scales_may_be_rounded():
    check_consistent(replace(STATED, pixel_size_um=0.6502), ACTUAL)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_fovs": 0}, "n_fovs is given as 0, the file has 2"),
        ({"n_fovs": 10}, "n_fovs is given as 10, the file has 2"),
        ({"n_frames": 100}, "n_frames is given as 100, the file has 37"),
        ({"height": 385}, "height"),
        ({"width": 383}, "width"),
        ({"n_channels": 2}, "n_channels"),
        ({"n_z": 4}, "n_z is given as 4, the file has 5"),
        ({"dtype": "uint8"}, "dtype is given as 'uint8'"),
        ({"channels": (ChannelInfo("BF"),)}, r"channel_names is given as \('BF',\)"),
        ({"fov_names": ("B1", "B2")}, "fov_names"),
        ({"pixel_size_um": 0.7}, "pixel_size_um is given as 0.7, the file has 0.65"),
        ({"z_step_um": 1.0}, "z_step_um"),
        ({"frame_times_min": np.zeros((2, 36))}, r"frame_times_min has shape \(2, 36\)"),
    ],
)
def test_each_contradiction_is_named_with_both_values(changes, message):
    with pytest.raises(InputError, match=message):
        check_consistent(replace(STATED, **changes), ACTUAL)


def test_a_scale_that_the_file_does_not_know_is_the_users_to_state():
    unscaled = replace(ACTUAL, pixel_size_um=None, z_step_um=None)
    known = complete_from(replace(STATED, pixel_size_um=0.65, z_step_um=2.0), unscaled)
    assert (known.pixel_size_um, known.z_step_um) == (0.65, 2.0)
    assert complete_from(STATED, ACTUAL).pixel_size_um == 0.65


@pytest.mark.parametrize("size", [-0.65, 0.0, np.nan, np.inf])
def test_a_stated_scale_that_is_no_length_is_refused(size):
    with pytest.raises(InputError, match=r"pixel_size_um is given as .* which is no length"):
        check_consistent(replace(STATED, pixel_size_um=size), replace(ACTUAL, pixel_size_um=None))


def test_all_contradictions_are_named_at_once():
    with pytest.raises(InputError, match=r"n_fovs .*; height "):
        check_consistent(replace(STATED, n_fovs=3, height=10), ACTUAL)


@pytest.mark.parametrize(
    ("channel", "index"),
    [(0, 0), (np.int64(2), 2), ("Phase", 0), ("phase", 0), ("GFP", 1), ("gfp", 2), ("1", 1)],
)
def test_channels_are_found_by_index_and_name(channel, index):
    assert channel_index(ACTUAL, channel) == index


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        (3, r"no channel 3: movie\.nd2 has channels 0 \(Phase\), 1 \(GFP\), 2 \(gfp\)"),
        (-1, "no channel -1"),
        ("RFP", r"no channel named 'RFP': movie\.nd2 has channels 0 \(Phase\)"),
        ("Gfp", r"Several channels are named 'Gfp'.*give the number"),
        ("7", "no channel 7"),
        (None, r"given as None: give an index or a name; movie\.nd2 has channels 0 \(Phase\)"),
        (1.5, "given as 1.5"),
        (True, "given as True"),
    ],
)
def test_other_channels_are_refused_with_a_list(channel, message):
    with pytest.raises(InputError, match=message):
        channel_index(ACTUAL, channel)
