"""One plane out of a z stack."""

import numpy as np
import pytest

from pyama_core.errors import InputError
from pyama_core.io import ArraySource, read_projected, z_warning

STACK = np.random.default_rng(0).integers(0, 65535, (2, 3, 5, 2, 8, 9)).astype(np.uint16)
"""``(P, T, Z, C, Y, X)``"""


@pytest.fixture
def source():
    return ArraySource(STACK, "PTZCYX")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (3, STACK[1, 2, 3]),
        ("middle", STACK[1, 2, 2]),
        ("max", STACK[1, 2].max(axis=0)),
        ("mean", np.rint(STACK[1, 2].mean(axis=0)).astype(np.uint16)),
    ],
)
def test_rules_give_one_plane_per_channel(source, rule, expected):
    planes = read_projected(source, 1, 2, [1, 0], rule)
    assert planes.dtype == np.uint16
    np.testing.assert_array_equal(planes, expected[[1, 0]])


def test_the_mean_of_floats_is_not_rounded():
    stack = STACK.astype(np.float32)
    planes = read_projected(ArraySource(stack, "PTZCYX"), 0, 0, [0], "mean")
    np.testing.assert_allclose(planes, stack[0, 0, :, :1].mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("rule", [0, "middle", "max", "mean"])
def test_without_a_stack_every_rule_gives_the_plane(rule):
    frames = STACK[0, :, 0, 0]
    planes = read_projected(ArraySource(frames), 0, 1, [0], rule)
    np.testing.assert_array_equal(planes[0], frames[1])


@pytest.mark.parametrize("rule", [5, -1, "median"])
def test_other_rules_are_refused(source, rule):
    with pytest.raises(InputError, match="array has planes 0 to 4"):
        read_projected(source, 0, 0, [0], rule)


def test_an_unasked_choice_of_plane_is_warned_of(source):
    assert "the middle one, 2" in z_warning(source.metadata, "middle")
    assert z_warning(source.metadata, 2) is None
    assert z_warning(ArraySource(STACK[0, :, 0, 0]).metadata, "middle") is None
