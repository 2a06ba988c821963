"""What a script finds in `pyama_core` itself."""

import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import pyama_core
from pyama_core.errors import InputError

CORE = Path(pyama_core.__file__).parent


@pytest.mark.parametrize("name", pyama_core.__all__)
def test_all_that_is_offered_is_there_and_documented(name: str) -> None:
    assert getattr(pyama_core, name).__doc__


def test_nothing_else_is_offered() -> None:
    assert set(pyama_core.__all__) <= set(dir(pyama_core))
    with pytest.raises(AttributeError, match="nowhere"):
        _ = pyama_core.nowhere


def test_importing_it_loads_no_library_of_numbers() -> None:
    code = "import sys, pyama_core; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "numba", "scipy", "pydantic", "nd2", "yaml"} & set(out.stdout.split())


def modules_with_examples() -> list[str]:
    """Name the modules whose docstrings hold examples."""
    paths = (path for path in CORE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
    dotted = (path.relative_to(CORE.parent).with_suffix("").parts for path in sorted(paths))
    return [".".join(parts).removesuffix(".__init__") for parts in dotted]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings_give_what_they_say(name: str) -> None:
    result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_functions_leave_what_is_unknown_empty_and_count_saturation_in_raw_images() -> None:
    labels = np.zeros((6, 48, 48), np.int32)
    labels[:, 20:30, 20:30] = 1
    raw = np.random.default_rng(0).poisson(200, labels.shape).astype(np.uint16)
    raw[1::2] = 0
    raw[2, 25, 25] = 65535
    corrected = pyama_core.correct_background(raw, labels)
    extraction = pyama_core.extract_traces(labels, {1: corrected}, raw={1: raw})
    table = extraction[1]
    np.testing.assert_array_equal(np.isnan(table["intensity_total"]), table["frame"] % 2 == 1)
    assert table["saturated_pixels"][::2].tolist() == [0, 1, 0]
    assert any("channel 1: frames 1, 3, 5" in str(message) for message in extraction.messages)


def test_functions_refuse_labels_whose_background_is_not_0() -> None:
    labels = np.full((3, 48, 48), -1)
    labels[:, 20:30, 20:30] = 1
    images = np.ones(labels.shape, np.uint16)
    for use in (
        lambda: pyama_core.track(labels),
        lambda: pyama_core.correct_background(images, labels),
        lambda: pyama_core.extract_traces(labels, {1: images}),
    ):
        with pytest.raises(InputError, match="labels are int64 from -1 to 1"):
            use()
