"""What a widget needs to know of a parameter, read from its one definition in a `Section`."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pyama_core.processing.extraction.features import feature_names
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.segmentation import SegmentationParams
from pyama_core.processing.segmentation import method_names as segmentation_methods
from pyama_core.processing.tracking import TrackingParams
from pyama_core.processing.tracking import method_names as tracking_methods


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as its section defines it."""

    name: str
    kind: Any
    """Its type, without None."""
    optional: bool
    """None is allowed: the value is then found from the data."""
    default: Any
    help: str
    unit: str
    lower: float | None
    upper: float | None
    step: float | None
    auto: str
    choices: tuple[Any, ...]
    when: Mapping[str, tuple[Any, ...]]
    """Values of other parameters for which it matters; always where empty."""

    def matters(self, section: BaseModel) -> bool:
        """Whether it has a part in what a section asks for."""
        return all(getattr(section, name) in values for name, values in self.when.items())

    @property
    def has_automatic(self) -> bool:
        """Whether the value can be left to the data; text that may be absent is left empty."""
        return self.optional and self.kind is not str

    @property
    def label(self) -> str:
        """Name and unit as a form shows them; what is named by its unit needs no other."""
        words = self.name.replace("_", " ").capitalize()
        named = {word.removesuffix("s") for word in words.lower().split()}
        is_told = not self.unit or self.unit.removesuffix("s") in named
        return words if is_told else f"{words} ({self.unit})"


def parameters_of(section: type[BaseModel]) -> Iterator[Parameter]:
    """Give the parameters of a section in the order of their definition."""
    for name, field in section.model_fields.items():
        yield _parameter(name, field, _installed_choices(section, name))


@cache
def _installed_choices(section: type[BaseModel], name: str) -> tuple[str, ...]:
    """Return what is offered under a name here, by this project and by installed packages."""
    offers = {
        (SegmentationParams, "method"): segmentation_methods,
        (TrackingParams, "method"): tracking_methods,
        (ExtractionParams, "features"): feature_names,
    }
    offer = offers.get((section, name))
    return tuple(offer()) if offer else ()


def _parameter(name: str, field: FieldInfo, installed: tuple[str, ...]) -> Parameter:
    kind, optional = _without_none(field.annotation)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    step: Any = extra.get("step")
    when: Any = extra.get("when") or {}
    return Parameter(
        name=name,
        kind=kind,
        optional=optional,
        default=field.get_default(call_default_factory=True),
        help=field.description or "",
        unit=str(extra.get("unit") or ""),
        lower=_limit(field, "ge"),
        upper=_limit(field, "le"),
        step=step,
        auto=str(extra.get("auto") or ""),
        when=when,
        choices=get_args(kind) if get_origin(kind) is Literal else installed,
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not types.NoneType]
    optional = len(kinds) < len(get_args(annotation))
    return Union[tuple(kinds)], optional  # noqa: UP007


def _limit(field: FieldInfo, name: str) -> float | None:
    limits = (getattr(constraint, name, None) for constraint in field.metadata)
    return next((limit for limit in limits if limit is not None), None)
