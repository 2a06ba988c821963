import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from pyama_core.errors import InputError
from pyama_core.processing.segmentation import SegmentationParams, segment_frame, segment_stack
from pyama_core.processing.segmentation import log_std as module
from tests.reference import segmentation as plain

DTYPES = (np.uint8, np.uint16, np.float32)
EXTREMES = {np.uint8: (0, 255), np.uint16: (0, 65535), np.float32: (-1e30, 1e30)}


def textured_disks(shape, centers, radius=22, seed=0, mean=10000, noise=50, texture=800):
    """A noisy medium with disks of much stronger texture, and which pixels they are."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    truth = np.zeros(shape, bool)
    for y, x in centers:
        truth |= np.hypot(rows - y, columns - x) < radius
    frame = rng.normal(mean, np.where(truth, texture, noise))
    return np.clip(frame, 0, 65535).astype(np.uint16), truth


@st.composite
def frames(draw):
    """Noise with and without cells, few gray levels, saturation, borders, all in three dtypes."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.tuples(st.integers(16, 90), st.integers(16, 150)))
    low, high = EXTREMES[dtype]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from((2, 3, 20, 1000)))
    frame = rng.integers(0, levels, shape) / (levels - 1)
    cells = ndimage.gaussian_filter(rng.normal(size=shape), 8) > 0.02
    frame = np.where(cells, frame, 0.5 + frame * draw(st.sampled_from((0.0, 0.02, 1.0))))
    span = draw(st.sampled_from((1.0, 1e-3)))
    values = np.clip(low * span + (high - low) * span * frame, low, high)
    return values.astype(dtype)


@st.composite
def parameters(draw):
    odd = st.integers(0, 10).map(lambda k: 2 * k + 1)
    return SegmentationParams(
        threshold=draw(st.none() | st.floats(0, 3)),
        sigmas=draw(st.floats(0, 6)),
        window=draw(st.sampled_from((3, 3, 5, 9, 31))),
        bins=draw(st.sampled_from((10, 200, 2000))),
        fill_holes=draw(st.booleans()),
        opening_size=draw(odd),
        opening_iterations=draw(st.integers(0, 4)),
        closing_size=draw(odd),
        closing_iterations=draw(st.integers(0, 4)),
        border=draw(st.sampled_from(("open", "background"))),
        min_size=draw(st.sampled_from((0, 1, 40, 400))),
    )


@settings(max_examples=150, deadline=None)
@given(frames(), st.just(SegmentationParams()) | parameters())
def test_masks_equal_the_plain_statement(frame, params):
    np.testing.assert_array_equal(segment_frame(frame, params).mask, plain.log_std(frame, params))


@settings(max_examples=50, deadline=None)
@given(arrays(st.sampled_from(DTYPES), st.tuples(*[st.integers(16, 20)] * 2)))
def test_any_values_equal_the_plain_statement(frame):
    frame = np.nan_to_num(frame, nan=0.0, posinf=1e30, neginf=-1e30)
    params = SegmentationParams(opening_iterations=0, closing_iterations=0)
    mask = segment_frame(frame, params).mask
    np.testing.assert_array_equal(mask, plain.log_std(frame, params))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_every_dtype_finds_the_cells(dtype):
    frame, truth = textured_disks((120, 140), [(40, 50), (80, 100)], mean=120, noise=4, texture=40)
    mask = segment_frame(np.clip(frame, 0, 255).astype(dtype), SegmentationParams()).mask
    assert mask.dtype == np.bool_
    assert mask[truth].mean() > 0.9
    assert mask[ndimage.binary_dilation(truth, iterations=5) == 0].mean() < 0.01


def test_a_bright_frame_loses_no_pixel_to_cancellation():
    rng = np.random.default_rng(0)
    frame = rng.normal(40000, 3, (64, 64)).round()
    variance = plain.window_variance(frame.astype(np.uint16))
    assert (variance > 0).all()
    shifted = segment_frame(frame.astype(np.float32), SegmentationParams()).mask
    np.testing.assert_array_equal(
        shifted, segment_frame((frame - 39000).astype(np.uint16), SegmentationParams()).mask
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(16, 16), (16, 300), (65, 64)])
def test_a_constant_frame_holds_no_cell(dtype, shape):
    assert not segment_frame(np.full(shape, 7, dtype), SegmentationParams()).mask.any()


def test_noise_alone_holds_no_cell():
    noise = np.random.default_rng(0).normal(1000, 30, (256, 256)).astype(np.uint16)
    assert not segment_frame(noise, SegmentationParams()).mask.any()


def test_a_medium_without_noise_is_background():
    frame, truth = textured_disks((100, 100), [(50, 50)], noise=0)
    mask = segment_frame(frame, SegmentationParams()).mask
    assert mask[truth].mean() > 0.9
    assert mask.sum() < 1.3 * truth.sum()


def test_padding_does_not_become_the_background_mode():
    frame, truth = textured_disks((200, 200), [(60, 100)])
    frame[140:] = 0
    mask = segment_frame(frame, SegmentationParams()).mask
    assert mask[truth].mean() > 0.9
    assert not mask[170:].any()


def test_pixels_that_are_no_number_are_background():
    frame, truth = textured_disks((120, 120), [(60, 60)])
    frame = frame.astype(np.float32)
    frame[:10], frame[-1, -1] = np.nan, np.inf
    mask = segment_frame(frame, SegmentationParams(border="background")).mask
    assert mask[truth].mean() > 0.9
    assert not mask[:9].any()


def test_a_cell_cut_by_the_border_is_kept_up_to_it():
    frame, truth = textured_disks((120, 120), [(3, 60), (116, 3)])
    mask = segment_frame(frame, SegmentationParams()).mask
    assert mask[truth].mean() > 0.9


def test_a_higher_threshold_gives_fewer_pixels():
    frame, _ = textured_disks((120, 120), [(60, 60)])
    sizes = [
        segment_frame(frame, SegmentationParams(threshold=value)).mask.sum()
        for value in (0.5, 1.0, 2.0, 5.0)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0


def test_a_view_of_any_strides_gives_the_same():
    frame, _ = textured_disks((130, 120), [(60, 60)])
    expected = segment_frame(frame, SegmentationParams()).mask
    for view in (
        np.asfortranarray(frame),
        np.repeat(frame, 2, axis=1)[:, ::2],
        frame.byteswap().view(">u2"),
    ):
        np.testing.assert_array_equal(segment_frame(view, SegmentationParams()).mask, expected)


def test_a_stack_gives_each_frame_as_the_preview_does():
    stack = np.stack([textured_disks((90, 100), [(40, 30 + 9 * k)], seed=k)[0] for k in range(4)])
    given = list(segment_stack(stack, SegmentationParams(), missing=[2]))
    for t in (0, 1, 3):
        expected = segment_frame(stack[t], SegmentationParams()).mask
        np.testing.assert_array_equal(given[t].mask, expected)
        assert given[t].instances is None
    assert given[2].mask.shape == (90, 100)
    assert not given[2].mask.any()


def test_a_stack_may_be_empty_or_miss_all_its_frames():
    assert list(segment_stack(np.zeros((0, 64, 64), np.uint16), SegmentationParams())) == []
    nothing = np.ones((2, 64, 64), np.uint16)
    for segmented in segment_stack(nothing, SegmentationParams(split="distance"), missing=[0, 1]):
        assert segmented.mask.shape == (64, 64)
        assert not segmented.mask.any()


@pytest.mark.parametrize("greatest", [0.1, 1, 12, 80, 340])
def test_thresholds_on_the_variance_are_those_of_its_logarithm(greatest):
    levels = np.random.default_rng(0).uniform(-greatest, greatest, 20000)
    for above, reached in ((True, np.greater), (False, np.greater_equal)):
        least = module.least_variance(levels, 3, above=above)
        assert reached(module.log_std(least, 3), levels).all()
        assert not reached(module.log_std(np.nextafter(least, 0), 3), levels).any()


@pytest.mark.parametrize("frame", [np.zeros((3, 64, 64)), np.zeros((15, 64)), np.zeros(64)])
def test_what_is_no_frame_is_an_error_that_says_so(frame):
    with pytest.raises(InputError, match=r"shape \(.*give \(height, width\), each at least 16"):
        segment_frame(frame, SegmentationParams())


@pytest.mark.parametrize("name", ["window", "opening_size", "closing_size"])
def test_squares_have_a_middle(name):
    with pytest.raises(ValueError, match="must be odd, is 4: take 3 or 5"):
        SegmentationParams(**{name: 4})
