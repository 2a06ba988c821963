"""What a parameter is: a default with its limits, step, unit and help, stated once."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """One step's parameters; an unknown name is an error, values never change in place."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def param(
    default: Any,
    help: str,
    *,
    unit: str = "",
    ge: float | None = None,
    le: float | None = None,
    step: float | None = None,
    auto: str = "",
    when: Mapping[str, tuple[str, ...]] | None = None,
) -> Any:
    """Define a parameter of a `Section`.

    Parameters
    ----------
    default
        The value when the user says nothing.
    help
        One sentence a biologist understands; shown in docks, recipe and reference alike.
    unit
        The unit of the value, e.g. ``"px"``; empty when it has none.
    ge, le
        Least and greatest allowed value. Every number has both.
    step
        By how much a widget changes the value.
    auto
        What ``None`` means, for a parameter that may be left to the data.
    when
        Values of other parameters of the section for which it matters, e.g.
        ``{"method": ("cellpose",)}``; without it, always.
    """
    extra: dict[str, Any] = {"unit": unit, "step": step, "auto": auto, "when": dict(when or {})}
    return Field(default, description=help, ge=ge, le=le, json_schema_extra=extra)


def unit_of(info: FieldInfo) -> str:
    """Return the unit of a parameter, empty where it has none."""
    extra = info.json_schema_extra
    return str(extra.get("unit") or "") if isinstance(extra, dict) else ""


def limits_of(info: FieldInfo) -> str:
    """Return what a parameter may be, in words; empty where any value of its type is allowed."""
    if choices := choices_of(info):
        return ", ".join(choices)
    least = next((m.ge for m in info.metadata if isinstance(m, Ge)), None)
    most = next((m.le for m in info.metadata if isinstance(m, Le)), None)
    return "" if least is None or most is None else f"{least} to {most}"


def choices_of(info: FieldInfo) -> tuple[str, ...]:
    """Return the values of a parameter that is one of a fixed few, else nothing."""
    if get_origin(info.annotation) is Literal:
        return tuple(str(choice) for choice in get_args(info.annotation))
    return ()
