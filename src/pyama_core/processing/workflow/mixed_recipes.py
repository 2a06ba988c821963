"""FOVs of one output folder that were made with different recipes, from their status files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pyama_core.fov_ranges import format_fovs
from pyama_core.io.result_files import fov_folders
from pyama_core.messages import Message
from pyama_core.processing.workflow.layout import STATUS_FILE
from pyama_core.processing.workflow.status import FovStatus, Stamp, read_status

_MOST_VALUES: Final = 4
"""Of one parameter that are shown."""
_NOT_TAKEN: Final = "not used"


def mixed_recipes_in(folder: Path) -> list[Message]:
    """Return what FOVs of an output folder were made with different values of.

    Parameters
    ----------
    folder
        An output folder, or the index in it; one of PyAMA's own says nothing.
    """
    folder = folder if folder.is_dir() else folder.parent
    folders = fov_folders(folder) if folder.is_dir() else {}
    return mixed_recipes({fov: read_status(f / STATUS_FILE) for fov, f in folders.items()})


def mixed_recipes(statuses: Mapping[int, FovStatus]) -> list[Message]:
    """Return what FOVs were made with different values of: one warning each, with all values."""
    steps = dict.fromkeys(step for status in statuses.values() for step in status.steps)
    return [message for step in steps for message in _mixed_in(step, statuses)]


def _mixed_in(step: str, statuses: Mapping[int, FovStatus]) -> Iterator[Message]:
    facts = {
        fov: _facts(step, record.stamp)
        for fov, status in sorted(statuses.items())
        if (record := status.steps.get(step)) is not None and record.state != "failed"
    }
    for name in dict.fromkeys(name for of_fov in facts.values() for name in of_fov):
        fovs_of: dict[str, list[int]] = {}
        for fov, of_fov in facts.items():
            fovs_of.setdefault(_text(of_fov.get(name, _NOT_TAKEN)), []).append(fov)
        if len(fovs_of) > 1:
            yield Message(_sentence(name, fovs_of), "warning")


def _facts(step: str, stamp: Stamp) -> dict[str, Any]:
    """Return all that decides what a step writes, but for the input and for what it reads."""
    return {
        **{f"{step}.{name}": value for name, value in stamp.params.items()},
        **{f"the plane of channel {c} in {step}": z for c, z in stamp.channels.items()},
        f"the version of {step}": stamp.version,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _sentence(name: str, fovs_of: Mapping[str, list[int]]) -> str:
    each = [f"{value} for FOV {format_fovs(fovs)}" for value, fovs in fovs_of.items()]
    shown = ", ".join(each[:_MOST_VALUES])
    rest = f" and {len(each) - _MOST_VALUES} more values" if len(each) > _MOST_VALUES else ""
    return f"FOVs were made with different recipes: {name} is {shown}{rest}."
