"""WorkflowParams: every parameter of the workflow, one section per step."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
)

from pyama_core.channels import by_channel_index
from pyama_core.errors import InputError
from pyama_core.io.projection import ZRule
from pyama_core.processing.correction.params import CorrectionParams
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.parameters import Section, param
from pyama_core.processing.segmentation.params import SegmentationParams
from pyama_core.processing.tracking.params import TrackingParams

ChannelKey = Annotated[str, BeforeValidator(str)]
"""A channel by index or name, written as text."""


class CopyParams(Section):
    """What is copied out of the microscopy file."""

    z: ZRule | dict[ChannelKey, ZRule] = param(
        "middle",
        "Plane taken from a z stack: middle, an index, or the projection max or mean; "
        "one for all channels or one per channel.",
    )

    @field_validator("z", mode="wrap")
    @classmethod
    def _one_sentence(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(value)
        except ValidationError:
            raise ValueError(
                "give middle, max, mean or the index of a plane, or one of these for each channel"
            ) from None

    def z_of(self, channel: int, names: Sequence[str] = ()) -> ZRule:
        """Return the rule for one channel, given the names of all channels.

        Raises
        ------
        InputError
            A rule is given for a channel that is not there, or that cannot be told from another.
        """
        if not isinstance(self.z, dict):
            return self.z
        return by_channel_index(self.z, names, parameter="copy.z").get(channel, "middle")


_OWN_STEP: Final = (
    "A step of your own has a section once the step is given, too: with --step module:Class, "
    "or services= in Python."
)
_FLAT_ALIASES = {"segmentation_threshold": ("segmentation", "threshold")}


class WorkflowParams(Section):
    """All parameters; sections carry the names of the steps they belong to."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    copying: CopyParams = Field(CopyParams(), alias="copy")
    segmentation: SegmentationParams = SegmentationParams()
    correction: CorrectionParams = CorrectionParams()
    tracking: TrackingParams = TrackingParams()
    extraction: ExtractionParams = ExtractionParams()

    def section(self, step: str) -> BaseModel | None:
        """Return the section of a step by the step's name; None where it has no parameters."""
        for name, field in type(self).model_fields.items():
            if step == (field.alias or name):
                return getattr(self, name)  # type: ignore[no-any-return]
        return None


def unfolded(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with flat names in their sections.

    Raises
    ------
    InputError
        A parameter has different values under its two names.
    """
    sections = dict(params)
    for flat, (section, name) in _FLAT_ALIASES.items():
        given = sections.get(section) or {}
        if flat in params and isinstance(given, Mapping):
            value = sections.pop(flat)
            if given.get(name, value) != value:
                raise InputError(
                    f'"{flat}" is {value!r} and "{section}.{name}" is {given[name]!r}: both name '
                    "the same parameter, give one of them."
                )
            sections[section] = {**given, name: value}
    return sections


def workflow_params(
    params: Mapping[str, Any], sections: Mapping[str, type[BaseModel]] | None = None
) -> WorkflowParams:
    """Validate parameters as a user gives them.

    Parameters
    ----------
    params
        Nested mapping ``{step: {name: value}}``; what is not given has its default.
    sections
        Sections of custom steps, by step name.

    Raises
    ------
    InputError
        A key is unknown, a value has the wrong type or is out of its limits.
    """
    _check_is_mapping(params)
    model = _with_sections(sections or {})
    try:
        return model.model_validate(unfolded(params))
    except ValidationError as error:
        raise InputError(_sentence(error, model)) from None


def _check_is_mapping(params: Any) -> None:
    if not isinstance(params, Mapping):
        raise InputError(
            f"Parameters are given as {params!r}: give them as {{step: {{name: value}}}}, "
            "an empty mapping for all defaults."
        )


def sections_of(model: type[BaseModel] = WorkflowParams) -> dict[str, type[BaseModel]]:
    """Return the section models of a parameters model by step name."""
    return {
        field.alias or name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type)
    }


def _with_sections(sections: Mapping[str, type[BaseModel]]) -> type[WorkflowParams]:
    known = sections_of()
    extra: dict[str, Any] = {
        name: (section, Field(default_factory=section))
        for name, section in sections.items()
        if name not in known
    }
    if not extra:
        return WorkflowParams
    return create_model("WorkflowParams", __base__=WorkflowParams, **extra)


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = json.dumps(".".join(path))
    if first["type"] == "extra_forbidden":
        return f"Parameter {key} is unknown: {_suggestion(path, model)}"
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    if said.startswith(f"{path[0]}."):  # It names the parameter of its section itself.
        return f"Parameter {said}."
    return f"Parameter {key} is {first['input']!r}: {said[0].lower()}{said[1:]}."


def _suggestion(path: list[str], model: type[BaseModel]) -> str:
    names = _names_at(path[:-1], model)
    near = difflib.get_close_matches(path[-1], names, n=1)
    hint = f"did you mean {near[0]}? Allowed" if near else "allowed"
    allowed = f"{hint} here are {', '.join(names)}."
    return allowed if len(path) > 1 else f"{allowed} {_OWN_STEP}"


def _names_at(path: Iterable[str], model: type[BaseModel]) -> list[str]:
    for part in path:
        model = sections_of(model).get(part, model)
    return [field.alias or name for name, field in model.model_fields.items()]
