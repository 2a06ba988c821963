"""The method ``cellpose``: a neural network that somebody trained (extra ``cellpose``).

Pachitariu, Rariden & Stringer 2025, "Cellpose-SAM: superhuman generalization for cellular
segmentation"; Stringer et al. 2021, "Cellpose: a generalist algorithm for cellular segmentation".
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import InputError
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.segmentation.types import FrameSegmenter, SegmentedFrame


class CellposeModel(Protocol):
    """What is used of ``cellpose.models.CellposeModel`` (version 4)."""

    def eval(self, x: NDArray[Any], **settings: Any) -> tuple[Any, ...]:
        """Return masks (0 = background), flows and styles of one image."""
        ...


def load_model(params: SegmentationParams) -> CellposeModel:
    """Load the network; its weights are downloaded by cellpose when first used.

    Raises
    ------
    InputError
        If cellpose is not installed, or the model is unknown or cannot be loaded.
    """
    try:
        from cellpose import models
    except ImportError as error:
        raise _not_installed() from error
    known = [*models.MODEL_NAMES, *models.get_user_models()]
    weights = _name_or_path(params.cellpose_model, known)
    try:
        return _loaded(models.CellposeModel, weights, params.cellpose_gpu)
    except Exception as error:
        raise InputError(
            f"segmentation.cellpose_model is {params.cellpose_model!r}, which cellpose cannot load "
            f"({error}): give a model's name or the path of its weights."
        ) from error


def _name_or_path(model: str, known: Sequence[str]) -> str:
    """Refuse what is neither: cellpose would take its default model in its place."""
    path = Path(model).expanduser()
    if path.is_file():
        return str(path)
    if model not in known:
        raise InputError(
            f"segmentation.cellpose_model is {model!r}, which is neither a file nor a model that "
            f"cellpose knows: give the path of its weights or one of {', '.join(known)}."
        )
    return model


def _not_installed() -> InputError:
    return InputError(
        "segmentation.method is 'cellpose', which is not installed here: "
        "pip install 'napari-pyama[cellpose]', or choose another method."
    )


@lru_cache(maxsize=1)
def _loaded(make: Callable[..., CellposeModel], name: str, gpu: bool) -> CellposeModel:
    """Keep the last network: loading it takes seconds, and each preview asks for it."""
    return make(gpu=gpu, pretrained_model=name)


class Cellpose:
    """Segments with a cellpose network, loaded once.

    Parameters
    ----------
    load
        How the network is loaded.
    """

    def __init__(self, load: Callable[[SegmentationParams], CellposeModel] = load_model) -> None:
        self._load = load

    def check(self, params: SegmentationParams, fovs: Sequence[int]) -> None:
        """See that cellpose is installed; its network is loaded where it works.

        Raises
        ------
        InputError
            If it is not.
        """
        if self._load is load_model and find_spec("cellpose") is None:
            raise _not_installed()

    def open_fov(self, params: SegmentationParams, fov: int) -> FrameSegmenter:
        """Load the network.

        Raises
        ------
        InputError
            As in `load_model`.
        """
        model = self._load(params)

        def segment(frame: NDArray[Any], t: int) -> SegmentedFrame:
            masks, *_ = model.eval(
                np.asarray(frame, np.float32),
                diameter=params.cellpose_diameter,
                flow_threshold=params.cellpose_flow_threshold,
                cellprob_threshold=params.cellpose_probability,
                min_size=max(params.min_size, 1),
            )
            labels = np.asarray(masks)
            dtype = np.uint16 if labels.max() <= np.iinfo(np.uint16).max else np.uint32
            return SegmentedFrame(labels > 0, labels.astype(dtype))

        return segment
