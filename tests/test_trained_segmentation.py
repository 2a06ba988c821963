import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from pyama_core.errors import InputError
from pyama_core.processing.segmentation import SegmentationParams, segment_frame, segment_stack
from pyama_core.processing.segmentation.trained import (
    PixelClassifier,
    TrainingOptions,
    segment_trained,
    train_classifier,
)
from pyama_core.processing.segmentation.trained import classifier as rooms

SMALL = TrainingOptions(binning=1, trees=4)
PARAMS = SegmentationParams(method="trained", trained_smoothing=3.0, trained_outline=1.0)


def culture(seed, shape=(72, 96)):
    """Grainy disks, two of which touch, on smooth background, and their instances."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    instances = np.zeros(shape, np.uint8)
    for number, (y, x) in enumerate(((20, 20), (20, 42), (52, 70)), start=1):
        instances[np.hypot(rows - y, columns - x) < 11.5] = number
    inside = ndi.gaussian_filter((instances > 0).astype(float), 1)
    texture = rng.normal(0, 120, shape) * inside + rng.normal(0, 10, shape)
    return np.clip(1000 - 200 * inside + texture, 0, None).astype(np.uint16), instances


def strokes_on(instances):
    """A line through each cell and its outline, and lines across the background."""
    drawn = np.zeros(instances.shape, np.uint8)
    drawn[::9][instances[::9] == 0] = 1
    cores = ndi.binary_erosion(instances > 0, iterations=3)
    drawn[20:22][cores[20:22]] = 2
    drawn[50:52][cores[50:52]] = 2
    drawn[12:28, 31] = 3
    return drawn


@pytest.fixture(scope="module")
def trained():
    frame, instances = culture(0)
    return train_classifier([frame], [strokes_on(instances)], SMALL)


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("classifier") / "cells.npz"
    trained.save(path)
    return path


def arrays_of(path):
    with np.load(path) as archive:
        return dict(archive)


def test_cells_of_a_frame_it_has_not_seen_are_found(trained):
    frame, truth = culture(1)
    found = segment_trained(frame, PARAMS, trained)
    both = (found.mask & (truth > 0)).sum() / (found.mask | (truth > 0)).sum()
    assert both > 0.8
    assert found.instances.dtype == np.uint16
    np.testing.assert_array_equal(found.mask, found.instances > 0)


def test_touching_cells_have_their_own_numbers(trained):
    frame, _ = culture(2)
    instances = segment_trained(frame, PARAMS, trained).instances
    numbers = [instances[center] for center in ((20, 20), (20, 42), (52, 70))]
    assert 0 not in numbers and len(set(numbers)) == 3


def test_probabilities_are_those_of_each_class(trained):
    frame, _ = culture(3)
    found = trained.probabilities(frame)
    assert found.shape == (3, *frame.shape) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


def test_the_same_seed_gives_the_same_classifier(trained):
    frame, instances = culture(0)
    again = train_classifier([frame], [strokes_on(instances)], SMALL)
    for name, array in vars(trained.forest).items():
        np.testing.assert_array_equal(array, getattr(again.forest, name))


def test_border_strokes_are_optional_and_frames_may_be_binned():
    frame, instances = culture(0)
    drawn = strokes_on(instances)
    drawn[drawn == 3] = 0
    options = replace(SMALL, binning=2)
    classifier = train_classifier([frame, frame], [drawn, drawn], options)
    assert classifier.classes == (1, 2)
    assert classifier.probabilities(frame).shape == (2, *frame.shape)
    assert segment_trained(frame, PARAMS, classifier).mask[20, 20]


@pytest.mark.parametrize("shape", [(16, 16), (17, 40), (33, 19)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_any_frame_is_segmented(trained, shape, dtype):
    for value in (0, 200):
        found = segment_trained(np.full(shape, value, dtype), PARAMS, trained)
        assert found.mask.shape == found.instances.shape == shape


def test_strips_give_what_the_whole_frame_gives(trained, monkeypatch):
    frame, _ = culture(4, (300, 40))
    whole = trained.probabilities(frame)
    monkeypatch.setattr(rooms, "_STRIP", 64)
    np.testing.assert_allclose(trained.probabilities(frame), whole, atol=1e-5)


def test_the_method_is_chosen_by_name(trained, saved):
    frame, _ = culture(5)
    params = PARAMS.model_copy(update={"model": str(saved)})
    expected = segment_trained(frame, PARAMS, trained).instances
    np.testing.assert_array_equal(segment_frame(frame, params).instances, expected)
    (found,) = segment_stack(frame[None], params)
    np.testing.assert_array_equal(found.instances, expected)


def test_without_a_model_the_method_says_what_to_do():
    with pytest.raises(InputError, match=r"segmentation\.model names no classifier: train one"):
        segment_frame(culture(0)[0], PARAMS)


def test_a_saved_classifier_is_read_as_it_was(trained, saved):
    loaded = PixelClassifier.load(saved)
    assert (loaded.classes, loaded.binning) == (trained.classes, trained.binning)
    frame, _ = culture(6)
    np.testing.assert_array_equal(loaded.probabilities(frame), trained.probabilities(frame))
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_applying_needs_neither_scikit_learn_nor_scikit_image(saved):
    code = (
        "import sys, numpy as np\n"
        "from pyama_core.processing.segmentation import SegmentationParams, segment_frame\n"
        f"params = SegmentationParams(method='trained', model={str(saved)!r})\n"
        "segment_frame(np.ones((16, 16), np.uint16), params)\n"
        "assert not {'sklearn', 'skimage', 'pandas', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of a file was run')",)


def overwrite(path, **changed):
    np.savez(path, **(arrays_of(path) | changed))


@pytest.fixture
def tampered(saved, tmp_path):
    path = tmp_path / "tampered.npz"
    path.write_bytes(saved.read_bytes())
    return path


def test_pickled_objects_are_refused(tampered):
    bomb = np.empty(1, object)
    bomb[0] = Bomb()
    overwrite(tampered, feature=bomb)
    with pytest.raises(InputError, match="not a saved pixel classifier"):
        PixelClassifier.load(tampered)
    tampered.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="not a saved pixel classifier"):
        PixelClassifier.load(tampered)


def test_a_file_too_large_to_be_one_is_not_unpacked(tampered):
    with zipfile.ZipFile(tampered, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("format.npy", bytes(2**29 + 1))
    with pytest.raises(InputError, match="larger than 512 MB"):
        PixelClassifier.load(tampered)


def test_an_array_that_claims_to_be_huge_is_refused(tampered):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000000,), }"
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(tampered, "w") as archive:
        archive.writestr(
            "format.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        )
    with pytest.raises(InputError, match="not a saved pixel classifier"):
        PixelClassifier.load(tampered)


def test_a_classifier_of_an_older_version_is_to_be_trained_again(tampered):
    arrays = arrays_of(tampered)
    del arrays["format"]
    header = {"format": np.array(1), "stages": np.array(1)}
    header |= {name: arrays.pop(name) for name in ("classes", "binning")}
    np.savez(tampered, **header, **{f"stage_0_{name}": arrays[name] for name in arrays})
    with pytest.raises(InputError, match=r"format 1 is not 2, which .* reads; train it again"):
        PixelClassifier.load(tampered)


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_refused(tampered, content):
    tampered.write_bytes(content)
    with pytest.raises(InputError, match="not a saved pixel classifier"):
        PixelClassifier.load(tampered)
    with pytest.raises(InputError, match="There is no pixel classifier"):
        PixelClassifier.load(tampered.with_name("absent.npz"))


def _forest_with(forest, name, change):
    array = getattr(forest, name).copy()
    return replace(forest, **{name: change(array)})


def put(value):
    def change(array):
        array[0] = value
        return array

    return change


def grown_by_one(array):
    return np.concatenate([array, array[-1:]])


BROKEN = {
    "cycle": ("right", put(0), "child does not come after"),
    "child beyond the end": ("left", put(2**31 - 1), "child does not come after"),
    "negative child": ("left", put(-5), "child does not come after"),
    "unknown feature": ("feature", put(9999), "asks for none of the"),
    "negative feature": ("feature", put(-2), "asks for none of the"),
    "not a number": ("threshold", put(np.nan), "threshold is not a number"),
    "first tree not at 0": ("root", put(1), "do not follow one another"),
    "no trees": ("root", lambda array: array[:0], "do not follow one another"),
    "lengths differ": ("threshold", grown_by_one, "threshold has"),
    "too many axes": ("threshold", lambda array: array[:, None], "has 2 axes"),
    "wrong kind": ("threshold", lambda array: array.astype(float), "is float64"),
    "shares": ("share", lambda array: array * 2, "do not add up to 1"),
    "classes": ("share", lambda array: array[:, :2], "2 classes"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_forest_that_would_not_end_or_read_elsewhere_is_refused(tampered, trained, case):
    name, change, message = BROKEN[case]
    forest = _forest_with(trained.forest, name, change)
    overwrite(tampered, **{name: getattr(forest, name)})
    with pytest.raises(InputError, match=message) as error:
        PixelClassifier.load(tampered)
    assert str(error.value).startswith(str(tampered)) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": np.array(99)}, "format 99 is not 2"),
        ({"format": np.array("1")}, "format is missing or no integer"),
        ({"classes": np.array([2, 1])}, "classes"),
        ({"binning": np.array(0)}, "binning 0"),
        ({"more": np.array(1)}, "arrays differ"),
    ],
)
def test_a_header_that_is_not_understood_is_refused(tampered, changed, message):
    overwrite(tampered, **changed)
    with pytest.raises(InputError, match=message):
        PixelClassifier.load(tampered)


def test_strokes_that_teach_nothing_are_refused():
    frame, instances = culture(0)
    drawn = strokes_on(instances)
    with pytest.raises(InputError, match="0 frames"):
        train_classifier([], [], SMALL)
    with pytest.raises(InputError, match="one stroke image for each"):
        train_classifier([frame], [], SMALL)
    with pytest.raises(InputError, match="the same"):
        train_classifier([frame], [drawn[1:]], SMALL)
    with pytest.raises(InputError, match="0 = not drawn on"):
        train_classifier([frame], [drawn * 4], SMALL)
    with pytest.raises(InputError, match=r"0 pixels are drawn as cell \(2\)"):
        train_classifier([frame], [np.where(drawn == 2, 0, drawn)], SMALL)


def test_training_can_be_cancelled_before_each_tree():
    frame, instances = culture(0)
    seen = []

    def tick(message, number):
        seen.append((message, number))
        if number == SMALL.trees - 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train_classifier([frame], [strokes_on(instances)], SMALL, tick=tick)
    assert seen == [("tree", number) for number in range(SMALL.trees)]


def test_training_without_scikit_learn_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    frame, instances = culture(0)
    with pytest.raises(InputError, match=r"napari-pyama\[training\]"):
        train_classifier([frame], [strokes_on(instances)], SMALL)
