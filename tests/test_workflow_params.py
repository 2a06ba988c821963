"""Parameters are validated as the specification's examples give them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyama_core.errors import InputError
from pyama_core.processing.parameters import Section, param
from pyama_core.processing.workflow.params import WorkflowParams, sections_of, workflow_params


def test_nothing_given_means_all_defaults() -> None:
    assert workflow_params({}) == WorkflowParams()


def test_the_flat_threshold_of_the_first_example_reaches_segmentation() -> None:
    assert workflow_params({"segmentation_threshold": 0.5}).segmentation.threshold == 0.5


def test_the_flat_threshold_joins_the_section() -> None:
    section = {"min_size": 50, "threshold": 0.5}
    for others in (section, {"min_size": 50}):
        params = workflow_params({"segmentation_threshold": 0.5, "segmentation": others})
        assert params.segmentation.model_dump(include=set(section)) == section


def test_two_values_of_one_parameter_are_refused() -> None:
    with pytest.raises(InputError, match=r'^"segmentation_threshold" is 0\.5.* is 0\.3: both'):
        workflow_params({"segmentation_threshold": 0.5, "segmentation": {"threshold": 0.3}})


def test_the_second_example_is_valid() -> None:
    params = workflow_params(
        {
            "segmentation": {"method": "log_std", "threshold": 0.3, "min_size": 50},
            "tracking": {"max_distance": 20, "linking_threshold": 0.8},
            "correction": {"temporal_window": 5, "spatial_window": 15},
        }
    )
    assert params.tracking.max_distance == 20
    assert params.correction.spatial_window == 15


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"segmentaton": {}}, ['"segmentaton" is unknown', "did you mean segmentation"]),
        ({"spots": {"radius": 1}}, ['"spots" is unknown: allowed', "--step module:Class"]),
        ({"segmentation": {"treshold": 1}}, ['"segmentation.treshold"', "did you mean threshold"]),
        ({"segmentation": {"threshold": -1}}, ['"segmentation.threshold" is -1', "greater than"]),
        ({"tracking": {"max_distance": "far"}}, ["\"tracking.max_distance\" is 'far'"]),
        (
            {"extraction": {"features": ["brightness"]}},
            ["is ['brightness']: feature \"brightness\" is unknown: there are area", "_pixels."],
        ),
        ({"segmentation": 3}, ['"segmentation" is 3']),
        ({"copy": {"z": "top"}}, ["\"copy.z\" is 'top': give middle, max, mean or the index"]),
        ({"copy": {"z": {"GFP": "top"}}}, ["{'GFP': 'top'}: give middle", "for each channel."]),
        ({"correction": {"temporal_window": 4}}, ["Parameter correction.temporal_window is 4: a"]),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(
    params: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(InputError) as error:
        workflow_params(params)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("params", [None, [], "a"])
def test_parameters_that_are_no_mapping_are_refused(params: Any) -> None:
    with pytest.raises(InputError, match=r"given as .*an empty mapping"):
        workflow_params(params)


def test_a_custom_step_brings_its_own_section() -> None:
    class Spots(Section):
        radius: float = param(2.0, "Radius of a spot.", unit="px", ge=0, le=10, step=1)

    params = workflow_params({"spots": {"radius": 3}}, {"spots": Spots})
    assert params.section("spots") == Spots(radius=3)
    with pytest.raises(InputError, match=r"spots\.radius"):
        workflow_params({"spots": {"radius": 30}}, {"spots": Spots})


@pytest.mark.parametrize("step", sections_of())
def test_every_parameter_has_help_and_every_number_has_limits_and_a_step(step: str) -> None:
    for name, info in sections_of()[step].model_fields.items():
        assert info.description, name
        extra = info.json_schema_extra
        assert isinstance(extra, dict), f"{name} is not made with param()"
        if info.annotation in (int, float, int | None, float | None):
            limits = [type(m).__name__ for m in info.metadata]
            assert {"Ge", "Le"} <= set(limits), name
            assert extra["step"], name
        if info.default is None and type(None) in getattr(info.annotation, "__args__", ()):
            assert extra["auto"] or "empty" in info.description.lower(), name


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text(), max_size=3))
def test_no_input_raises_anything_but_an_input_error(params: dict[str, object]) -> None:
    try:
        workflow_params(params)
    except InputError as error:
        assert "\n" not in str(error)
