"""Every feature by name: the built-in ones and those of installed packages."""

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.columns import INTENSITY_TOTAL, SATURATED_PIXELS
from pyama_core.errors import InputError
from pyama_core.processing.extraction.feature import Feature
from pyama_core.processing.extraction.shape import SHAPE_FEATURES
from pyama_core.processing.extraction.signal import Signal
from pyama_core.processing.registry import load_plugin, plugins


def _median(pixels: NDArray[Any]) -> float:
    """Median of a short array, without the overhead of NumPy's own."""
    low, high = (pixels.size - 1) // 2, pixels.size // 2
    middle = np.partition(pixels, (low, high))
    return (float(middle[low]) + float(middle[high])) / 2


def _intensity(name: str, help: str, formula: str, compute: Any) -> Feature:
    return Feature(name, "intensity", "counts", help, formula, compute)


def _not_known_yet(signal: Signal) -> NDArray[np.float64]:
    """Give NaN: where the limit lies is known after the last frame only; see `extract_stack`."""
    return np.full(len(signal), np.nan)


INTENSITY_FEATURES: Final = (
    _intensity(
        INTENSITY_TOTAL,
        "All light of the cell (CellProfiler: IntegratedIntensity).",
        "sum over the cell's pixels",
        lambda signal: signal.total,
    ),
    _intensity(
        "intensity_mean",
        "Mean brightness of the cell's pixels.",
        "sum over the cell's pixels / their number",
        lambda signal: signal.mean,
    ),
    _intensity(
        "intensity_median",
        "Median brightness of the cell's pixels.",
        "middle of the sorted pixels, or the mean of the two in the middle",
        lambda signal: signal.of_pixels(_median),
    ),
    _intensity(
        "intensity_min",
        "Darkest pixel of the cell.",
        "least of the cell's pixels",
        lambda signal: signal.spread[:, 0],
    ),
    _intensity(
        "intensity_max",
        "Brightest pixel of the cell.",
        "greatest of the cell's pixels",
        lambda signal: signal.spread[:, 1],
    ),
    _intensity(
        "intensity_std",
        "How much the cell's pixels differ.",
        "square root of the mean squared distance from the mean (divided by n)",
        lambda signal: np.sqrt(signal.spread[:, 2]),
    ),
    Feature(
        SATURATED_PIXELS,
        "intensity",
        "px",
        "Pixels of the cell at the camera's limit, where light is lost; empty where the raw "
        "images are not at hand.",
        "number of raw pixels at the channel's limit: the greatest value of the significant bits, "
        "or where the histogram of all cells' pixels ends in a spike",
        _not_known_yet,
    ),
)
"""Every built-in intensity feature, in the order of the reference."""


FEATURE_GROUP: Final = "pyama_core.features"
"""Entry-point group under which a package offers a `Feature`."""

_BUILT_IN: Final = {feature.name: feature for feature in SHAPE_FEATURES + INTENSITY_FEATURES}


def feature_names() -> tuple[str, ...]:
    """Names of all features, built-in ones first."""
    return (*_BUILT_IN, *(name for name in plugins(FEATURE_GROUP) if name not in _BUILT_IN))


def feature(name: str) -> Feature:
    """Return a feature by its name.

    Raises
    ------
    InputError
        There is none of this name, or what a package offers under it is no `Feature`.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    if name not in plugins(FEATURE_GROUP):
        raise InputError(_unknown(name))
    return _offered(name)


def feature_reference(names: Iterable[str] | None = None) -> list[dict[str, str]]:
    """Describe features, one row each, for documentation and choosers.

    Returns
    -------
    list of dict
        Keys ``name``, ``columns``, ``kind``, ``unit``, ``help``, ``formula``.
    """
    return [_row(feature(name)) for name in names or feature_names()]


@cache
def _offered(name: str) -> Feature:
    found = load_plugin(FEATURE_GROUP, name)
    if not isinstance(found, Feature) or found.name != name:
        raise InputError(
            f'The entry point "{name}" in group {FEATURE_GROUP} gives {found!r}: '
            f'it must be a Feature named "{name}". Mend or uninstall the package that offers it.'
        )
    return found


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, feature_names(), n=1)
    hint = f"did you mean {near[0]}? There" if near else "there"
    return f'Feature "{name}" is unknown: {hint} are {", ".join(feature_names())}.'


def _row(feature: Feature) -> dict[str, str]:
    return {
        "name": feature.name,
        "columns": ", ".join(feature.column_names),
        "kind": feature.kind,
        "unit": feature.unit,
        "help": feature.help,
        "formula": feature.formula,
    }
