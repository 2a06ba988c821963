"""What a parameter is: a default with its limits, step, unit and help, stated once."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


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
    """
    extra = {"unit": unit, "step": step, "auto": auto}
    return Field(default, description=help, ge=ge, le=le, json_schema_extra=extra)
