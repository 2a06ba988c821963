"""Forms: made from the parameters' one definition; recipe -> widget -> recipe is identical."""

import types
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from napari_pyama.widgets.editors import Parameter, editor_for, parameters_of
from napari_pyama.widgets.parameter_form import SectionForm
from pyama_core.processing.parameters import Section, param
from pyama_core.processing.segmentation import SegmentationParams
from pyama_core.processing.workflow.params import WorkflowParams, sections_of

SECTIONS = sections_of()


class Example(Section):
    """One parameter of each kind."""

    small: float = param(1e-5, "A small number.", unit="um", ge=0.0, le=1.0, step=1e-6)
    large: int = param(5, "A large number.", ge=0, le=10_000_000_000, step=1)
    maybe: float | None = param(None, "Left to the data.", ge=0.0, le=9.0, step=0.1, auto="by it")
    kind: Literal["round", "square"] = param("round", "A shape.")
    on: bool = param(True, "A switch.")
    by_channel: dict[int | str, str] = param({}, "One per channel.")


def values_of(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Any value a parameter allows."""
    kind = parameter.kind
    if get_origin(kind) is Literal or (parameter.choices and kind is str):
        some = st.sampled_from(parameter.choices)
    elif parameter.choices:
        some = st.lists(st.sampled_from(parameter.choices), unique=True).map(tuple)
    elif kind is bool:
        some = st.booleans()
    elif kind is int:
        some = st.integers(int(parameter.lower), int(parameter.upper))
    elif kind is float:
        some = st.floats(parameter.lower, parameter.upper, allow_nan=False)
    elif get_origin(kind) in (Union, types.UnionType) and int in get_args(kind):
        some = st.sampled_from(["middle", "max", 3, {0: "mean", "GFP": 2}])
    else:
        some = st.just(parameter.default)
    return some | st.none() if parameter.optional else some


def sections(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({p.name: values_of(p) for p in parameters_of(model)})


@pytest.mark.parametrize("step", SECTIONS)
def test_every_number_of_the_recipe_has_limits_and_a_step(step):
    for parameter in parameters_of(SECTIONS[step]):
        if parameter.kind in (int, float):
            assert None not in (parameter.lower, parameter.upper, parameter.step), parameter.name
        assert parameter.help, parameter.name
        if parameter.has_automatic:
            assert parameter.auto, parameter.name


@pytest.mark.parametrize("model", [Example, *SECTIONS.values()], ids=lambda m: m.__name__)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_a_form_is_given_it_gives_back_exactly(qapp, model, data):
    try:
        section = model.model_validate(data.draw(sections(model)))
    except ValidationError:
        return
    form = SectionForm(model())
    form.value = section
    assert form.value == section
    assert form.value.model_dump_json() == section.model_dump_json()


@pytest.mark.parametrize("model", [Example, *SECTIONS.values()], ids=lambda m: m.__name__)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_editors_hold_every_allowed_value(qapp, model, data):
    for parameter in parameters_of(model):
        value = data.draw(values_of(parameter))
        try:
            section = model.model_validate({parameter.name: value})
        except ValidationError:
            continue
        if value is None:
            continue
        editor = editor_for(parameter)
        editor.show(getattr(section, parameter.name))
        read = model.model_validate({parameter.name: editor.read()})
        if parameter.kind is float:
            assert getattr(read, parameter.name) == pytest.approx(value, abs=1e-9)
        elif isinstance(value, tuple):
            assert set(getattr(read, parameter.name)) == set(value)
        else:
            assert read == section


def test_labels_show_units_and_tooltips_the_help(qapp):
    form = SectionForm(Example())
    row = form.rows["small"]
    assert row.parameter.label == "Small (um)"
    assert row.editor.native.toolTip() == "A small number."
    assert row.editor.native.minimum() == 0
    assert row.editor.native.maximum() == 1
    assert row.editor.native.singleStep() == 1e-6


def test_a_value_left_to_the_data_has_a_box_that_says_so(qapp):
    form = SectionForm(Example())
    row = form.rows["maybe"]
    assert row.automatic.isChecked()
    assert not row.editor.native.isEnabled()
    assert row.caption.text() == "by it"
    row.automatic.setChecked(False)
    assert form.value.maybe == 0
    row.automatic.setChecked(True)
    assert form.value.maybe is None


def test_only_optional_parameters_have_the_box(qapp):
    form = SectionForm(Example())
    hidden = {name for name, row in form.rows.items() if row.automatic.isHidden()}
    assert hidden == set(Example.model_fields) - {"maybe"}


def test_edits_are_reported_as_a_valid_section(qapp):
    form = SectionForm(Example())
    seen = []
    form.changed.connect(seen.append)
    form.rows["large"].editor.native.setValue(7)
    form.rows["by_channel"].editor.native.setText("{1: a, GFP: b}")
    form.rows["by_channel"].editor.native.editingFinished.emit()
    assert seen[-1] == Example(large=7, by_channel={1: "a", "GFP": "b"})


def test_a_value_that_is_not_allowed_is_explained_and_not_taken(qapp):
    form = SectionForm(SECTIONS["segmentation"]())
    before = form.value
    form.rows["window"].edited.emit("window", 4)
    assert form.value == before
    assert "take 3 or 5" in form.rows["window"].caption.text()


def test_text_that_cannot_be_read_is_explained(qapp):
    form = SectionForm(Example())
    row = form.rows["by_channel"]
    row.editor.native.setText("{1: ")
    row.editor.native.editingFinished.emit()
    assert "cannot be understood" in row.caption.text()
    assert form.value == Example()


def test_reset_of_one_and_of_all(qapp):
    form = SectionForm(Example())
    form.value = Example(large=9, on=False)
    form.rows["large"].reset.click()
    assert form.value == Example(on=False)
    assert not form.rows["large"].reset.isEnabled()
    form.reset()
    assert form.value == Example()


def test_a_label_does_not_say_its_unit_twice():
    labels = {p.name: p.label for p in parameters_of(SegmentationParams)}
    assert labels["bins"] == "Bins"
    assert labels["sigmas"] == "Sigmas"
    assert labels["min_size"] == "Min size (px)"


def test_choices_are_what_is_installed(qapp):
    form = SectionForm(SECTIONS["segmentation"]())
    method = form.rows["method"].editor.native
    assert "log_std" in [method.itemText(i) for i in range(method.count())]


def test_the_recipe_has_a_form_for_every_step(qapp):
    recipe = WorkflowParams()
    for step in SECTIONS:
        assert SectionForm(recipe.section(step)).value == recipe.section(step)


def test_only_what_matters_for_the_chosen_method_is_shown(qapp):
    form = SectionForm(SECTIONS["segmentation"]())
    others = {"cellpose_model", "trained_depth", "labels_path", "split_depth"}
    assert {"method", "threshold", "min_size", "split"} <= shown_in(form)
    assert not others & shown_in(form)
    form.rows["split"].edited.emit("split", "distance")
    assert others & shown_in(form) == {"split_depth"}
    form.rows["split"].edited.emit("split", "none")
    assert not others & shown_in(form)


def shown_in(form):
    return {name for name, row in form.rows.items() if not row.label.isHidden()}


def test_parameters_stand_in_their_order_whenever_they_came(qapp):
    form = SectionForm(SECTIONS["segmentation"]())
    form.rows["split"].edited.emit("split", "distance")
    grid = form.layout()
    at = {name: grid.getItemPosition(grid.indexOf(row.label))[0] for name, row in form.rows.items()}
    names = [p.name for p in parameters_of(SECTIONS["segmentation"]) if p.name in at]
    assert sorted(at, key=at.get) == names


def test_the_tab_key_goes_through_parameters_in_their_order_whenever_they_came(qapp):
    form = SectionForm(SECTIONS["segmentation"]())
    form.rows["split"].edited.emit("split", "distance")
    resets = {row.reset: name for name, row in form.rows.items()}
    chain, part = [], form.nextInFocusChain()
    while part is not form:
        chain.append(part)
        part = part.nextInFocusChain()
    names = [p.name for p in parameters_of(SECTIONS["segmentation"]) if p.name in form.rows]
    assert [resets[part] for part in chain if part in resets] == names
