"""Every feature by name: the built-in ones and those of installed packages."""

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Final

from pyama_core.errors import InputError
from pyama_core.processing.extraction.feature import Feature
from pyama_core.processing.extraction.intensity import INTENSITY_FEATURES
from pyama_core.processing.extraction.shape import SHAPE_FEATURES
from pyama_core.processing.registry import load_plugin, plugins

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
