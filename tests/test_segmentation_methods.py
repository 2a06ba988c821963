import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tifffile
from imageio.v3 import imwrite

from pyama_core.errors import InputError
from pyama_core.processing import registry
from pyama_core.processing.segmentation import (
    SegmentationParams,
    SegmentedFrame,
    check_method,
    files_named,
    method_names,
    segment_frame,
    segment_stack,
)
from pyama_core.processing.segmentation import methods as methods_module
from pyama_core.processing.segmentation.cellpose_model import Cellpose

FRAMES = np.random.default_rng(0).integers(900, 1100, (3, 40, 50)).astype(np.uint16)
LABELS = np.zeros(FRAMES.shape, np.uint16)
LABELS[0, 5:15, 5:15], LABELS[1, 5:15, 6:16], LABELS[1, 20:30, 20:30] = 3, 3, 5


def bright(frame, params):
    """A method as a package would offer it."""
    return SegmentedFrame(frame > 1000)


def install(monkeypatch, **methods):
    entries = {name: registry.EntryPoint(name, place, "g") for name, place in methods.items()}
    monkeypatch.setattr(registry, "entry_points", lambda group: tuple(entries.values()))


class TestNames:
    def test_those_shipped_are_offered(self):
        assert {"cellpose", "labels", "log_std"} <= set(method_names())

    def test_an_unknown_one_is_an_error_that_lists_them(self):
        with pytest.raises(InputError, match=r"no 'watershet'; choose one of .*log_std"):
            segment_frame(FRAMES[0], SegmentationParams(method="watershet"))

    def test_a_stack_says_so_before_any_frame_is_read(self):
        with pytest.raises(InputError, match="watershet"):
            segment_stack(FRAMES, SegmentationParams(method="watershet"))

    def test_an_installed_packages_function_is_a_method(self, monkeypatch):
        install(monkeypatch, bright=f"{__name__}:bright")
        assert "bright" in method_names()
        found = segment_frame(FRAMES[0], SegmentationParams(method="bright"))
        np.testing.assert_array_equal(found.mask, FRAMES[0] > 1000)

    def test_a_package_cannot_take_over_a_name_shipped(self, monkeypatch):
        install(monkeypatch, log_std=f"{__name__}:bright")
        assert not segment_frame(FRAMES[0], SegmentationParams()).mask.any()
        loader = registry.plugins(methods_module.GROUP, methods_module.BUILTIN)["log_std"]
        assert loader().__name__ == "LogStd"

    def test_one_that_cannot_be_imported_says_why(self, monkeypatch):
        install(monkeypatch, broken="no_such_package:thing")
        with pytest.raises(InputError, match="'broken' cannot be loaded: No module named"):
            segment_frame(FRAMES[0], SegmentationParams(method="broken"))


def write_tiff(path, images):
    tifffile.imwrite(path, images, photometric="minisblack")


def with_labels(path):
    return SegmentationParams(method="labels", labels_path=str(path))


class TestLabels:
    @pytest.mark.parametrize("suffix", [".npy", ".tif"])
    def test_a_stack_per_fov(self, tmp_path, suffix):
        write = np.save if suffix == ".npy" else write_tiff
        write(tmp_path / f"cells_007{suffix}", LABELS)
        pattern = tmp_path / ("cells_{fov:03d}" + suffix)
        for t, found in enumerate(segment_stack(FRAMES, with_labels(pattern), fov=7)):
            np.testing.assert_array_equal(found.instances, LABELS[t])
            np.testing.assert_array_equal(found.mask, LABELS[t] > 0)

    @pytest.mark.parametrize("suffix", [".npy", ".tif", ".png"])
    def test_a_folder_of_images(self, tmp_path, suffix):
        writers = {".npy": np.save, ".tif": write_tiff, ".png": imwrite}
        for t, labels in enumerate(LABELS):
            writers[suffix](tmp_path / f"t{t}{suffix}", labels)
        (tmp_path / "notes.txt").write_text("not an image")
        found = [frame.instances for frame in segment_stack(FRAMES, with_labels(tmp_path))]
        np.testing.assert_array_equal(found, LABELS)

    def test_one_image_serves_all_frames(self, tmp_path):
        np.save(tmp_path / "cells.npy", LABELS[1] > 0)
        found = list(segment_stack(FRAMES, with_labels(tmp_path / "cells.npy")))
        assert all(np.array_equal(frame.mask, LABELS[1] > 0) for frame in found)
        assert found[0].instances is None

    def test_missing_frames_are_empty_but_have_instances(self, tmp_path):
        np.save(tmp_path / "cells.npy", LABELS)
        found = list(segment_stack(FRAMES, with_labels(tmp_path / "cells.npy"), missing=[0, 2]))
        assert [int(frame.instances.max()) for frame in found] == [0, 5, 0]

    @pytest.mark.parametrize(
        ("labels", "said"),
        [
            (LABELS[:, :-1], r"shape \(39, 50\), the image has \(40, 50\)"),
            (LABELS.astype(float), "float64 from 0.0 to 3.0; give bool, or integers"),
            (LABELS.astype(int) - 1, "int64 from -1 to 2; give bool, or integers"),
            (LABELS[:1], "holds 1 label images, but there are 3 frames"),
        ],
    )
    def test_labels_that_do_not_fit_are_an_error(self, tmp_path, labels, said):
        np.save(tmp_path / "cells.npy", labels)
        with pytest.raises(InputError, match=said):
            list(segment_stack(FRAMES, with_labels(tmp_path / "cells.npy")))

    @pytest.mark.parametrize(
        ("path", "said"),
        [
            (None, "labels_path is empty"),
            ("cells_{position}.npy", "'position' is not understood"),
            ("nowhere_{fov}.npy", "there is no nowhere_0.npy for FOV 0"),
            (__file__, "cannot be read as labels: give .npy, .tif"),
        ],
    )
    def test_a_path_that_leads_nowhere_is_an_error(self, path, said):
        with pytest.raises(InputError, match=said):
            segment_frame(FRAMES[0], SegmentationParams(method="labels", labels_path=path))

    @pytest.mark.parametrize("name", ["cells.npy", "cells.tif", "cells.png"])
    def test_a_damaged_file_is_an_error(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"damaged")
        with pytest.raises(InputError, match=f"{name} cannot be read as labels"):
            segment_frame(FRAMES[0], with_labels(tmp_path / name))


class StandIn:
    """Answers as a cellpose model does, and keeps what it was asked."""

    def __init__(self, gpu, pretrained_model):
        if pretrained_model.endswith("damaged.pth"):
            raise ValueError("not a model")
        self.loaded, self.asked = (gpu, pretrained_model), []

    def eval(self, x, **settings):
        self.asked.append((x.dtype, x.shape, settings))
        masks = np.zeros(x.shape, np.int32)
        masks[2:8, 3:9], masks[20:30, 20:30] = 1, 2
        return masks, [], None


@pytest.fixture
def cellpose(monkeypatch):
    models = types.ModuleType("cellpose.models")
    models.CellposeModel = StandIn
    models.MODEL_NAMES = ["cpsam"]
    models.get_user_models = lambda: ["kept"]
    package = types.ModuleType("cellpose")
    package.models = models
    monkeypatch.setitem(sys.modules, "cellpose", package)
    monkeypatch.setitem(sys.modules, "cellpose.models", models)


class TestCellpose:
    def test_instances_come_from_the_model(self, cellpose):
        params = SegmentationParams(method="cellpose", split="distance", min_size=50)
        found = segment_frame(FRAMES[0], params)
        assert found.instances.dtype == np.uint16
        assert set(np.unique(found.instances)) == {0, 2}
        assert found.mask.sum() == 100

    def test_the_model_is_loaded_once_and_asked_as_the_parameters_say(self):
        loads = []

        def load(params):
            loads.append(StandIn(params.cellpose_gpu, params.cellpose_model))
            return loads[-1]

        params = SegmentationParams(
            cellpose_model="mine", cellpose_gpu=False, cellpose_diameter=30, cellpose_probability=-1
        )
        segment = Cellpose(load).open_fov(params, 0)
        for t in range(3):
            segment(FRAMES[t], t)
        assert [model.loaded for model in loads] == [(False, "mine")]
        settings = {
            "diameter": 30.0,
            "flow_threshold": 0.4,
            "cellprob_threshold": -1.0,
            "min_size": 1,
        }
        assert loads[0].asked == [(np.float32, (40, 50), settings)] * 3

    def test_weights_that_cannot_be_loaded_are_an_error(self, cellpose, tmp_path):
        weights = tmp_path / "damaged.pth"
        weights.touch()
        params = SegmentationParams(method="cellpose", cellpose_model=str(weights))
        with pytest.raises(InputError, match=r"damaged.pth.*cannot load \(not a model\)"):
            segment_frame(FRAMES[0], params)

    def test_a_misspelled_model_is_not_replaced_by_the_default(self, cellpose):
        params = SegmentationParams(method="cellpose", cellpose_model="cpsan")
        with pytest.raises(InputError, match=r"'cpsan', which is neither.*one of cpsam, kept"):
            segment_frame(FRAMES[0], params)

    def test_without_the_package_it_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cellpose", None)
        with pytest.raises(InputError, match=r"pip install 'napari-pyama\[cellpose\]'"):
            segment_frame(FRAMES[0], SegmentationParams(method="cellpose"))

    def test_the_network_is_kept_between_previews(self, cellpose, monkeypatch):
        made = []
        monkeypatch.setattr(StandIn, "__init__", lambda self, **_: made.append(self))
        monkeypatch.setattr(StandIn, "asked", [], raising=False)
        params = SegmentationParams(method="cellpose", cellpose_model="kept")
        for t in range(3):
            segment_frame(FRAMES[t], params)
        assert len(made) == 1


class TestChecksBeforeAnyWork:
    def test_a_method_that_needs_nothing_passes(self):
        check_method(SegmentationParams(), [0, 1])

    def test_labels_must_be_there_for_every_fov(self, tmp_path):
        np.save(tmp_path / "cells_0.npy", LABELS)
        params = with_labels(tmp_path / "cells_{fov}.npy")
        check_method(params, [0])
        with pytest.raises(InputError, match=r"cells_3.npy for FOV 3"):
            check_method(params, [0, 3])

    def test_cellpose_must_be_installed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cellpose", None)
        with pytest.raises(InputError, match="not installed here"):
            check_method(SegmentationParams(method="cellpose"), [0])

    @pytest.mark.parametrize("model", [None, "no_such_file.npz"])
    def test_a_classifier_must_be_given_and_readable(self, model):
        with pytest.raises(InputError):
            check_method(SegmentationParams(method="trained", model=model), [0])

    def test_an_unknown_name_is_an_error(self):
        with pytest.raises(InputError, match="watershet"):
            check_method(SegmentationParams(method="watershet"), [0])


class TestFilesThatDecideTheResult:
    def test_label_images_of_all_fovs(self, tmp_path):
        for fov in (0, 12):
            np.save(tmp_path / f"cells_{fov:03d}.npy", LABELS)
        (tmp_path / "other.npy").write_bytes(b"")
        found = files_named(with_labels(tmp_path / "cells_{fov:03d}.npy"))
        assert [path.name for path in found["labels_path"]] == ["cells_000.npy", "cells_012.npy"]

    def test_what_is_in_the_folders_of_all_fovs(self, tmp_path):
        for fov in (0, 1):
            (tmp_path / f"fov{fov}").mkdir()
            (tmp_path / f"fov{fov}" / "t0.png").write_bytes(b"")
        found = files_named(with_labels(tmp_path / "fov{fov}"))
        assert [path.parent.name for path in found["labels_path"]] == ["fov0", "fov1"]

    def test_the_classifier_of_the_method_that_is_chosen(self):
        assert files_named(SegmentationParams(method="trained", model=__file__)) == {
            "model": [Path(__file__)]
        }
        assert files_named(SegmentationParams(model=__file__)) == {}

    def test_a_network_known_by_name_is_no_file(self):
        assert files_named(SegmentationParams(method="cellpose")) == {"cellpose_model": []}
