"""Scales and names that a file cannot mean are not known, and said to be so."""

import math
import shutil

import pytest

from pyama_core.io import ChannelInfo, open_microscopy
from pyama_core.io.nd2.writer import Position
from tests.reference.nd2_files import layout, random_frames, write_frames, write_number

pytestmark = pytest.mark.usefixtures("no_leaked_files")

IMPOSSIBLE = (0.0, -0.65, math.nan, math.inf, -math.inf, 1e9, 1e-9, 5e-324, 1.7e308)


def opened(path):
    with open_microscopy(path) as file:
        return file.metadata


def movie(tmp_path, **changes):
    loops = layout(n_fovs=1, n_z=3, **changes)
    return write_frames(tmp_path / "movie.nd2", random_frames(loops), loops)


@pytest.mark.parametrize("value", IMPOSSIBLE)
def test_an_impossible_pixel_size_is_not_known(tmp_path, value):
    path = movie(tmp_path)
    write_number(path, "dCalibration", value, "d")
    metadata = opened(path)
    assert metadata.pixel_size_um is None
    (warning,) = metadata.warnings
    assert f"states a pixel size of {value:g} um, which no microscope has" in warning


@pytest.mark.parametrize("value", [1e-3, 0.01, 0.65, 1.0, 13.0, 100.0])
def test_a_possible_pixel_size_is_taken_as_it_is(tmp_path, value):
    path = movie(tmp_path)
    write_number(path, "dCalibration", value, "d")
    assert (opened(path).pixel_size_um, opened(path).warnings) == (value, ())


@pytest.mark.parametrize("value", [1.0, 0.0, math.nan])
def test_a_file_that_is_not_calibrated_has_no_pixel_size_and_no_warning(tmp_path, value):
    path = movie(tmp_path)
    write_number(path, "dCalibration", value, "d")
    write_number(path, "bCalibrated", False, "?")
    assert (opened(path).pixel_size_um, opened(path).warnings) == (None, ())


def test_a_calibrated_file_without_a_number_still_has_its_channels(tmp_path):
    path = movie(tmp_path)
    old, new = (name.encode("utf-16-le") for name in ("dCalibration", "dSomethingXY"))
    path.write_bytes(path.read_bytes().replace(old, new))
    metadata = opened(path)
    assert metadata.channel_names == ("Channel 0",)
    assert (metadata.pixel_size_um, len(metadata.warnings)) == (None, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e12, 1e-12])
def test_an_impossible_z_step_is_not_known(tmp_path, value):
    path = movie(tmp_path)
    write_number(path, "dZStep", value, "d")
    metadata = opened(path)
    assert metadata.z_step_um is None
    assert "z step" in metadata.warnings[0]


def test_planes_from_the_top_down_have_the_distance_they_have(tmp_path):
    path = movie(tmp_path)
    write_number(path, "dZStep", -0.5, "d")
    assert (opened(path).z_step_um, opened(path).warnings) == (0.5, ())


@pytest.mark.parametrize("value", ["0.00", "-0.6", "1e99", "1e-9"])
def test_legacy_files_are_not_believed_either(shared_data, tmp_path, value):
    path = tmp_path / "movie.nd2"
    shutil.copyfile(shared_data / "nd2" / "synthetic_legacy_jp2_t3p2c2.nd2", path)
    stated = b'Calibration runtype="double" value="0.65"'
    content = path.read_bytes()
    assert stated in content
    path.write_bytes(content.replace(stated, stated.replace(b"0.65", value.encode())))
    assert opened(path).pixel_size_um is None
    assert "pixel size" in opened(path).warnings[0]


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf, -500.0, 1e-7])
def test_impossible_wavelengths_are_not_known(tmp_path, value):
    loops = layout()
    channels = (ChannelInfo("GFP", 525.0, 488.0, "#00ff40"),)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops, channels=channels)
    write_number(path, "dWavelength", value, "d", after="m_EmissionSpectrum")
    (channel,) = opened(path).channels
    assert (channel.emission_nm, channel.excitation_nm) == (None, 488.0)


def test_names_never_hold_what_would_move_a_cursor_or_split_a_line(tmp_path):
    loops = layout(positions=(Position("well\nA1\x1b[2J"), Position("B\t2")))
    channels = (ChannelInfo("GF\x07P"),)
    path = write_frames(tmp_path / "movie.nd2", random_frames(loops), loops, channels=channels)
    metadata = opened(path)
    assert metadata.fov_names == ("well\ufffdA1\ufffd[2J", "B\ufffd2")
    assert metadata.channel_names == ("GF\ufffdP",)
