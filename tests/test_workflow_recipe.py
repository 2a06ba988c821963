"""A recipe says everything about every parameter and comes back as it was written."""

from pathlib import Path

import pytest
import yaml

from pyama_core.errors import InputError
from pyama_core.processing.workflow.params import WorkflowParams, sections_of, workflow_params
from pyama_core.processing.workflow.recipe import (
    changed_settings,
    read_recipe,
    recipe_text,
    with_values,
)
from pyama_core.processing.workflow.services.types import Channels

CHANGED = {"segmentation": {"threshold": 0.25}, "tracking": {"max_gap": 3}, "copy": {"z": "max"}}


def test_a_recipe_holds_every_parameter_with_its_help() -> None:
    text = recipe_text(WorkflowParams())
    content = yaml.safe_load(text)
    unwrapped = " ".join(text.replace("#", " ").split())
    for step, section in sections_of().items():
        assert list(content[step]) == list(section.model_fields)
        for info in section.model_fields.values():
            assert info.description
            assert info.description in unwrapped


def test_reading_a_written_recipe_gives_the_same_parameters_and_text(tmp_path: Path) -> None:
    params = workflow_params(CHANGED)
    text = recipe_text(params, Channels(0, [1, 2]))
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    recipe = read_recipe(path)
    assert recipe.channels == Channels(0, [1, 2])
    again = workflow_params(recipe.params)
    assert again == params
    assert recipe_text(again, recipe.channels) == text


def test_a_recipe_without_channels_says_how_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe_text(workflow_params({})).replace("# channels:", "channels:"))
    assert read_recipe(path).channels == Channels(0, [1, 2])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_recipe_is_read_as_windows_writes_it(tmp_path: Path, encoding: str) -> None:
    """``pyama recipe > recipe.yaml`` gives UTF-16 in PowerShell."""
    path = tmp_path / "recipe.yaml"
    text = recipe_text(workflow_params(CHANGED), Channels("Phase µ", [1]))
    path.write_text(text, encoding=encoding, newline="\r\n")
    recipe = read_recipe(path)
    assert recipe.channels == Channels("Phase µ", [1])
    assert workflow_params(recipe.params) == workflow_params(CHANGED)


def test_changed_settings_are_what_the_command_line_needs_to_say() -> None:
    settings = changed_settings(workflow_params(CHANGED))
    assert settings == {"segmentation.threshold": 0.25, "tracking.max_gap": 3, "copy.z": "max"}
    assert workflow_params(with_values({}, settings)) == workflow_params(CHANGED)


def test_flags_override_the_recipe() -> None:
    merged = with_values(CHANGED, {"segmentation.threshold": 0.5})
    assert merged["segmentation"] == {"threshold": 0.5}
    assert CHANGED["segmentation"] == {"threshold": 0.25}


@pytest.mark.parametrize(
    "text",
    [
        "- a\n- b\n",
        "{",
        "just words",
        "channels: 3\n",
        "channels: {fl: [1]}",
        "channels: {pc: 0, fl: 1}",
        "channels: {pc: 0, flu: [1]}",
        "channels: {pc: [0]}",
    ],
)
def test_what_is_not_a_recipe_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"recipe\.yaml"):
        read_recipe(path)


def test_channels_without_fluorescence_may_be_left_blank(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("channels: {pc: Phase, fl: }\ntracking:\n")
    recipe = read_recipe(path)
    assert recipe.channels == Channels("Phase")
    assert workflow_params(with_values(recipe.params, {})) == WorkflowParams()


def test_flat_parameters_of_a_recipe_stay_as_they_are() -> None:
    merged = with_values({"segmentation_threshold": 0.5}, {"tracking.max_gap": 3})
    assert workflow_params(merged).segmentation.threshold == 0.5


def test_a_setting_replaces_the_flat_parameter_of_a_recipe() -> None:
    merged = with_values({"segmentation_threshold": 0.5}, {"segmentation.threshold": 0.3})
    assert workflow_params(merged).segmentation.threshold == 0.3


def test_a_section_that_is_a_single_value_is_refused() -> None:
    with pytest.raises(InputError, match='"tracking" is 3'):
        workflow_params(with_values({"tracking": 3}, {}))
    with pytest.raises(InputError, match=r'"tracking\.max_gap" cannot be set.* 3 for all'):
        with_values({"tracking": 3}, {"tracking.max_gap": 3})


def test_a_setting_without_a_step_is_refused() -> None:
    with pytest.raises(InputError, match=r"step\.name=value"):
        with_values({}, {"threshold": 1})
