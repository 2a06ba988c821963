"""Label images and frames: which belongs to which, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from imageio.v3 import imwrite

from pyama_core.errors import InputError
from pyama_core.io import ArraySource
from pyama_core.processing.segmentation import (
    SegmentationParams,
    check_method,
    files_named,
    segment_frame,
    segment_stack,
)
from pyama_core.processing.segmentation.label_files import images_by_frame

N_FRAMES, SHAPE = 12, (20, 24)
FRAMES = np.zeros((N_FRAMES, *SHAPE), np.uint16)


def labels_of(t):
    """Return a label image that tells its frame."""
    labels = np.zeros(SHAPE, np.uint16)
    labels[4:12, 5:15] = t + 1
    return labels


def write(path, t):
    path.parent.mkdir(parents=True, exist_ok=True)
    writers = {".npy": np.save, ".png": imwrite}
    writers.get(path.suffix.lower(), tifffile.imwrite)(path, labels_of(t))


def write_folder(folder, name, n_frames=N_FRAMES):
    for t in range(n_frames):
        write(folder / name(t), t)


def with_labels(path):
    return SegmentationParams(method="labels", labels_path=str(path))


def frames_read(folder, n_frames=N_FRAMES, missing=()):
    """Return the frame that each frame's labels were written for; -1 without any."""
    found = segment_stack(FRAMES[:n_frames], with_labels(folder), missing=missing)
    return [int(frame.instances.max()) - 1 for frame in found]


def refused(folder, n_frames=N_FRAMES, missing=()):
    with pytest.raises(InputError) as error:
        segment_stack(FRAMES[:n_frames], with_labels(folder), missing=missing)
    with pytest.raises(InputError) as before_any_work:
        check_method(with_labels(folder), [0], n_frames, {0: missing})
    assert str(before_any_work.value) == str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        lambda t: f"t{t}.tif",
        lambda t: f"t{t + 1}.tif",
        lambda t: f"t{t:03d}.tif",
        lambda t: f"t{t:02d}.tif" if t % 2 else f"t{t}.tif",
        lambda t: f"{t}.png",
        lambda t: f"img_c1_t{t}.tif",
        lambda t: f"img_t{t}_c1.TIF",
        lambda t: f"2024-05-01_fov10_T{t + 1}_masks.TIFF",
        lambda t: f"t{t}.tif" if t < 6 else f"t{t}.tiff",
        lambda t: f"t{t}.tif" if t < 6 else f"T{t}.png",
        lambda t: f"t{t}_at{10 * t}min.npy",
        lambda t: f"frame{t + 1}_of_{N_FRAMES}_{t}.npy",
        lambda t: f"t{t}.ome.tif",
    ],
)
def test_images_are_read_in_the_order_of_the_number_that_differs(tmp_path, name):
    write_folder(tmp_path, name)
    check_method(with_labels(tmp_path), [0], N_FRAMES)
    assert frames_read(tmp_path) == list(range(N_FRAMES))
    assert segment_frame(FRAMES[0], with_labels(tmp_path), t=10).instances.max() == 11


@given(
    start=st.integers(0, 1),
    n_frames=st.integers(2, 40),
    before=st.text("abc_-. ", max_size=4),
    after=st.sampled_from(["", "_mask", "-c2", "_10_x"]),
    width=st.integers(0, 4),
)
def test_any_names_that_differ_by_a_number_do(
    tmp_path_factory, start, n_frames, before, after, width
):
    folder = tmp_path_factory.mktemp("labels")
    files = [folder / f"x{before}{t + start:0{width}d}{after}.png" for t in range(n_frames)]
    for file in files:
        file.touch()
    assert [images_by_frame(folder, n_frames)[t] for t in range(n_frames)] == files


def test_files_that_are_no_label_images_are_skipped(tmp_path):
    write_folder(tmp_path, lambda t: f"t{t}.tif")
    for name in ("._t0.tif", ".DS_Store", "Thumbs.db", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    (tmp_path / "t12.tif").mkdir()
    assert frames_read(tmp_path) == list(range(N_FRAMES))
    found = files_named(with_labels(tmp_path))["labels_path"]
    assert [file.name for file in found] == sorted(f"t{t}.tif" for t in range(N_FRAMES))


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (range(11), "11 label images, numbered 0 to 10, but there are 12 frames"),
        (range(13), "13 label images, numbered 0 to 12, but there are 12 frames"),
        (range(2, 14), "12 label images, numbered 2 to 13, but there are 12 frames"),
        ([*range(5), *range(6, 13)], "12 label images, numbered 0 to 12 without 5, but there are"),
        ([*range(0, 24, 2)], "12 label images, numbered 0 to 22 without 1, but there are 12"),
        ([0], "1 label images, numbered 0 to 0, but there are 12 frames"),
        ([], r"holds no label images (.npy, .tif, .tiff, .png)"),
    ],
)
def test_more_fewer_or_other_images_than_frames_are_refused(tmp_path, numbers, said):
    for number in numbers:
        write(tmp_path / f"t{number}.tif", 0)
    assert said in refused(tmp_path)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (lambda t: f"outline_t{t}.tif", "images of 2 kinds, such as "),
        (lambda t: f"t{t}_outlines.tif", "images of 2 kinds, such as "),
        (lambda t: f"t{t}.png", "more than one image numbered 0, t0.png and t0.tif"),
        (lambda t: f"t{t:02d}.tif", "more than one image numbered 0, t0.tif and t00.tif"),
        (lambda t: f"T{t:03d}.tif", "more than one image numbered 0, T000.tif and t0.tif"),
        (lambda t: f"preview{t}.png", "images of 2 kinds, such as "),
    ],
)
def test_masks_and_other_pictures_in_one_folder_are_refused(tmp_path, others, said):
    write_folder(tmp_path, lambda t: f"t{t}.tif")
    write_folder(tmp_path, others)
    assert said in refused(tmp_path)


@pytest.mark.parametrize("other", ["overview.png", "t.tif", "t0_0.tif", "mean 12.tif"])
def test_one_picture_more_is_refused_too(tmp_path, other):
    write_folder(tmp_path, lambda t: f"t{t}.tif")
    write(tmp_path / other, 0)
    assert "images of 2 kinds" in refused(tmp_path)


def test_channels_and_fovs_in_one_folder_are_refused(tmp_path):
    for channel in (1, 2):
        write_folder(tmp_path, lambda t, c=channel: f"img_c{c}_t{t}.tif")
    assert "more than one image numbered 0, img_c1_t0.tif and img_c2_t0.tif" in refused(tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a.tif", "b.tif"], "images of 2 kinds, such as a.tif and b.tif"),
        (["a.tif", "a.png"], "a.png and a.tif, whose names have no number"),
        (["a0b1.png", "a1b0.png"], "can be numbered in several ways"),
    ],
)
def test_names_that_tell_no_frame_are_refused(tmp_path, names, said):
    for name in names:
        write(tmp_path / name, 0)
    assert said in refused(tmp_path, n_frames=2)


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize(
    "missing", [[0], [3, 4], [11], [8, 9, 10, 11]], ids=["first", "within", "last", "stopped"]
)
@pytest.mark.parametrize("all_there", [True, False])
def test_frames_missing_in_the_file_need_no_image(tmp_path, start, missing, all_there):
    for t in range(N_FRAMES):
        if all_there or t not in missing:
            write(tmp_path / f"t{t + start}.tif", t)
    expected = [-1 if t in missing else t for t in range(N_FRAMES)]
    assert frames_read(tmp_path, missing=missing) == expected


def test_images_that_fit_missing_frames_in_two_ways_are_refused(tmp_path):
    for number in (1, 2):
        write(tmp_path / f"t{number}.tif", number)
    assert "can be numbered in several ways" in refused(tmp_path, n_frames=3, missing=[0, 2])


def test_an_image_of_one_frame_needs_no_number(tmp_path):
    write(tmp_path / "mask.tif", 0)
    assert frames_read(tmp_path, n_frames=1) == [0]
    assert "1 label images" in refused(tmp_path, n_frames=2)


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".TIF"])
@pytest.mark.parametrize("n_images", [1, 11, 13])
def test_a_stack_of_more_or_fewer_images_than_frames_is_refused(tmp_path, suffix, n_images):
    path = tmp_path / f"cells{suffix}"
    stack = np.stack([labels_of(t) for t in range(n_images)])
    if suffix == ".npy":
        np.save(path, stack)
    else:
        tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": "TYX"})
    if n_images > 1 or suffix == ".npy":
        assert f"{n_images} label images, but there are 12 frames" in refused(path)


def test_a_stack_may_leave_out_frames_after_a_stop(tmp_path):
    np.save(tmp_path / "cells.npy", np.stack([labels_of(t) for t in range(9)]))
    expected = [*range(9), -1, -1, -1]
    assert frames_read(tmp_path / "cells.npy", missing=[9, 10, 11]) == expected
    assert "9 label images" in refused(tmp_path / "cells.npy", missing=[3, 4, 5])


def test_every_fov_has_a_folder_of_its_own(tmp_path):
    for fov in (0, 1, 10):
        write_folder(tmp_path / f"fov{fov:02d}", lambda t: f"m{t}.tif", n_frames=3)
    (tmp_path / "fov10" / "m2.tif").unlink()
    pattern = with_labels(tmp_path / "fov{fov:02d}")
    check_method(pattern, [0, 1], 3)
    with pytest.raises(InputError, match=r"fov10 holds 2 label images, .* there are 3 frames"):
        check_method(pattern, [0, 1, 10], 3)
    check_method(pattern, [0, 1, 10], 3, {10: (2,)})


def test_fovs_do_not_share_the_images_of_frames(tmp_path):
    write_folder(tmp_path / "labels", lambda t: f"m{t}.tif")
    np.save(tmp_path / "stack.npy", FRAMES)
    np.save(tmp_path / "one.npy", FRAMES[0])
    for name in ("labels", "stack.npy"):
        check_method(with_labels(tmp_path / name), [3], N_FRAMES)
        with pytest.raises(InputError, match=r"for each of 2 FOVs: put \{fov\} where"):
            check_method(with_labels(tmp_path / name), [0, 1], N_FRAMES)
    check_method(with_labels(tmp_path / "one.npy"), [0, 1], N_FRAMES)


def test_a_run_is_refused_before_it_begins(tmp_path):
    from pyama_core import Channels, ProcessingContext, run_complete_workflow

    write_folder(tmp_path / "labels", lambda t: f"t{t}.tif", n_frames=11)
    source = ArraySource(np.zeros((N_FRAMES, 1, 2, *SHAPE), np.uint16), axes="TPCYX")
    params = {"segmentation": {"method": "labels", "labels_path": str(tmp_path / "labels")}}
    context = ProcessingContext(tmp_path / "out", Channels(pc=0, fl=[1]), params=params)
    with pytest.raises(InputError, match="11 label images"):
        run_complete_workflow(source.metadata, context, source=source)
    assert not Path(tmp_path / "out").exists()
