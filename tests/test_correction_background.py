"""The record of a background: stored, read, and what it tells."""

import numpy as np
import pytest

from pyama_core.errors import InputError, ReadError
from pyama_core.processing.correction import CorrectionParams, estimate_background, load_background
from tests.movies import make_movie

BLEACHING = 400 * np.exp(-np.arange(8) / 10)


@pytest.mark.parametrize("method", ["tiles", "median_gain", "regression_gain"])
def test_a_stored_background_corrects_as_before(method, tmp_path):
    movie = make_movie(BLEACHING)
    params = CorrectionParams(method=method)
    background = estimate_background(movie.frames, movie.masks, params, missing=[3])
    np.savez(tmp_path / "background.npz", **background.arrays())
    read = load_background(tmp_path / "background.npz")
    for t in (0, 3, 7):
        np.testing.assert_array_equal(
            read.correct(movie.frames[t], t), background.correct(movie.frames[t], t)
        )
    assert (read.method, read.reason, read.notes) == (
        background.method,
        background.reason,
        background.notes,
    )
    np.testing.assert_array_equal(read.gain_image(), background.gain_image())


def test_it_writes_into_the_array_it_is_given():
    movie = make_movie(BLEACHING)
    background = estimate_background(movie.frames, movie.masks, CorrectionParams())
    out = np.empty(background.shape, np.float32)
    assert background.correct(movie.frames[0], 0, out) is out
    expected = (movie.frames[0] - background.surface(0)) / background.gain_image()
    np.testing.assert_allclose(out, expected, atol=1e-3)


def test_it_tells_how_much_is_masked_and_what_is_left():
    movie = make_movie(BLEACHING)
    params = CorrectionParams(mask_margin=0)
    background = estimate_background(movie.frames, movie.masks, params, missing=[1])
    shares = movie.masks.mean(axis=(1, 2))
    shares[1] = np.nan
    np.testing.assert_allclose(background.masked_share, shares)
    assert abs(background.residual) < 1


def test_the_residual_is_what_a_wrong_surface_leaves_in_cell_free_pixels():
    movie = make_movie(BLEACHING, shape=(600, 600))
    params = CorrectionParams(method="tiles", edges="hold")
    background = estimate_background(movie.frames, movie.masks, params)
    corrected = [background.correct(frame, t) for t, frame in enumerate(movie.frames)]
    left = np.median(np.stack(corrected)[~movie.masks])
    assert background.residual == pytest.approx(left, abs=2)


def test_too_many_tiles_of_cells_are_told():
    movie = make_movie(BLEACHING, shape=(600, 600))
    few = estimate_background(movie.frames, movie.masks, CorrectionParams(method="tiles"))
    assert few.notes == []
    movie.masks[:, :400] = True
    many = estimate_background(movie.frames, movie.masks, CorrectionParams(method="tiles"))
    assert "of the background tiles are all cells" in many.notes[0]


def test_a_frame_of_another_shape_is_refused():
    movie = make_movie(BLEACHING)
    background = estimate_background(movie.frames, movie.masks, CorrectionParams())
    with pytest.raises(InputError, match=r"\(40, 40\)"):
        background.correct(np.zeros((40, 40), np.uint16), 0)


@pytest.fixture(scope="module")
def stored():
    movie = make_movie(BLEACHING)
    return estimate_background(movie.frames, movie.masks, CorrectionParams()).arrays()


DAMAGES = {
    "an array is missing": lambda a: a.pop("surfaces"),
    "an array nobody knows": lambda a: a.update(more=np.zeros(3)),
    "objects": lambda a: a.update(notes=np.array([{}, []], dtype=object)),
    "text for numbers": lambda a: a.update(surfaces=a["surfaces"].astype(str)),
    "another number of axes": lambda a: a.update(surfaces=a["surfaces"][0]),
    "surfaces of other nodes": lambda a: a.update(surfaces=a["surfaces"][:, :1]),
    "nodes that do not ascend": lambda a: a.update(nodes_y=a["nodes_y"][::-1]),
    "a node that is no number": lambda a: a.update(nodes_x=a["nodes_x"] * np.nan),
    "no nodes": lambda a: a.update(nodes_x=a["nodes_x"][:0]),
    "a negative shape": lambda a: a.update(shape=-a["shape"]),
    "a shape of three": lambda a: a.update(shape=np.ones(3, int)),
    "a shape beyond all cameras": lambda a: a.update(shape=np.array([2**40, 2**40])),
    "a gain of other nodes": lambda a: a.update(gain=np.ones((1, 9))),
    "masked shares of fewer frames": lambda a: a.update(masked_share=a["masked_share"][:1]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_background_is_refused_in_one_sentence(stored, tmp_path, damage):
    arrays, path = dict(stored), tmp_path / "background.npz"
    DAMAGES[damage](arrays)
    np.savez(path, **arrays)
    with pytest.raises(ReadError, match=r"not a background .* the next run makes it again\.$"):
        load_background(path)


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_background_cut_short_is_refused(stored, tmp_path, share):
    path = tmp_path / "background.npz"
    np.savez(path, **stored)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ReadError, match="the next run makes it again"):
        load_background(path)


def test_a_folder_is_no_background_and_neither_is_nothing(tmp_path):
    with pytest.raises(ReadError, match="no regular file"):
        load_background(tmp_path)
    with pytest.raises(FileNotFoundError, match="the next run makes it again"):
        load_background(tmp_path / "absent.npz")
