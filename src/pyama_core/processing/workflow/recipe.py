"""Recipes: all parameters of a run as one commented YAML file."""

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml
from pydantic import BaseModel, StrictInt, StrictStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pyama_core.channels import channel_text
from pyama_core.errors import InputError, ReadError
from pyama_core.io.untrusted import read_yaml
from pyama_core.processing.parameters import Section, limits_of, unit_of
from pyama_core.processing.workflow.params import WorkflowParams, sections_of, unfolded
from pyama_core.processing.workflow.services.types import Channels

_CHANNELS: Final = "channels"
CHANNELS_LINE: Final = f"{_CHANNELS}: {{pc: 0, fl: [1, 2]}}"
"""How channels stand in a recipe."""

_WIDTH: Final = 98
_HEADER: Final = """\
# Recipe of napari-pyama: every parameter of the workflow.
# Use it with: pyama run FILE -o FOLDER --recipe recipe.yaml
"""


@dataclass(frozen=True)
class Recipe:
    """Channels and parameters of a run, as a user wrote them."""

    channels: Channels | None = None
    params: dict[str, Any] = field(default_factory=dict)


_Channel: TypeAlias = StrictInt | StrictStr
"""Not what YAML takes for something else, such as `yes`: it would become a number."""


class _ChannelsEntry(Section):
    pc: _Channel
    fl: list[_Channel] | None = None


def recipe_text(params: WorkflowParams, channels: Channels | None = None) -> str:
    """Return a recipe as YAML, each parameter with help, unit, limits and default."""
    parts = [_HEADER, _channels_text(channels)]
    for step in sections_of(type(params)):
        section = params.section(step)
        if section is not None:
            parts.append("\n".join([f"{step}:", *_section_lines(section)]) + "\n")
    return "\n".join(parts)


def written_channels(pc: int, fl: Iterable[int], names: Sequence[str]) -> Channels:
    """Return channels as a recipe gives them: by index, or where that is unclear by name."""
    return Channels(channel_text(pc, names), [channel_text(channel, names) for channel in fl])


def as_text(channels: Channels) -> Channels:
    """Return the channels of a recipe as text: there, 488 may be an index or a name."""
    return Channels(str(channels.pc), [str(channel) for channel in channels.fl])


def _channels_text(channels: Channels | None) -> str:
    if channels is None:
        return f"# Channels by index or name, unless --pc and --fl name them:\n# {CHANNELS_LINE}\n"
    return f"{_CHANNELS}: {_flow({'pc': channels.pc, 'fl': list(channels.fl)})}\n"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; its values are validated where they are used.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    InputError
        The file is not a recipe.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no recipe at {path}: `pyama recipe` writes one.")
    try:
        content = read_yaml(path, follow_link=True) or {}
    except ReadError as error:
        raise InputError(f"{path} is not a recipe: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(step, str) for step in content):
        raise InputError(f"{path} is not a recipe: it holds no `step: parameters` entries.")
    return Recipe(_channels(content.pop(_CHANNELS, None), path), content)


def with_values(params: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with some values replaced, given as ``{"step.name": value}``.

    Raises
    ------
    InputError
        A key is not of the form ``step.name``.
    """
    merged = {step: {} if values is None else values for step, values in unfolded(params).items()}
    for key, value in settings.items():
        step, dot, name = key.partition(".")
        if not (step and dot and name):
            raise InputError(f'"{key}" is not a parameter: write it as step.name=value.')
        given = merged.get(step, {})
        if not isinstance(given, Mapping):
            raise InputError(
                f'"{key}" cannot be set: the recipe has {given!r} for all of "{step}".'
            )
        merged[step] = {**given, name: value}
    return merged


def changed_settings(params: WorkflowParams) -> dict[str, Any]:
    """Return what differs from the defaults, as ``{"step.name": value}``."""
    return {
        f"{step}.{name}": value
        for step in sections_of(type(params))
        if (section := params.section(step)) is not None
        for name, value in section.model_dump(mode="json").items()
        if value != type(section)().model_dump(mode="json")[name]
    }


def _section_lines(section: BaseModel) -> Iterator[str]:
    values = section.model_dump(mode="json")
    for name, info in type(section).model_fields.items():
        yield from textwrap.wrap(
            _comment(info), _WIDTH, initial_indent="  # ", subsequent_indent="  # "
        )
        yield f"  {name}: {_flow(values[name])}"


def default_of(info: FieldInfo) -> str:
    """Return a parameter's default as it stands in a recipe, with what None means."""
    default = _flow(info.get_default(call_default_factory=True))
    extra = info.json_schema_extra
    auto = extra.get("auto") if isinstance(extra, dict) else ""
    return f"{default} ({auto})" if auto else default


def _comment(info: FieldInfo) -> str:
    parts = [
        info.description or "",
        f"Unit: {unit_of(info)}." if unit_of(info) else "",
        f"Allowed: {limits_of(info)}." if limits_of(info) else "",
        f"Default: {default_of(info)}.",
    ]
    return " ".join(part for part in parts if part)


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    plain = TypeAdapter(Any).dump_python(value, mode="json")
    text = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")


def _channels(value: Any, path: Path) -> Channels | None:
    if value is None:
        return None
    try:
        given = _ChannelsEntry.model_validate(value)
    except ValidationError:
        raise InputError(
            f"`channels` of {path} must be like {{pc: 0, fl: [1, 2]}}, not {value!r}."
        ) from None
    return Channels(given.pc, given.fl or [])
