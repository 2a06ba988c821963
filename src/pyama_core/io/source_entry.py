"""What a results folder keeps of the microscopy file that it was made from.

The file may be moved or lost: names, colors and scale then come from here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

from pyama_core.io.microscopy import ChannelInfo, MicroscopyMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

MADE_FROM: Final = "source"
"""Key of the entry in the index, which only folders written by this program have."""

_MOST: Final = 1e9
"""Of any size or wavelength: no microscope has pixels of a kilometer, in micrometers."""


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """What is known of the microscopy file; empty or None where nothing is."""

    path: Path | None = None
    base_name: str = ""
    channels: tuple[ChannelInfo, ...] = ()
    fov_names: tuple[str, ...] = ()
    pixel_size_um: float | None = None

    @property
    def file_name(self) -> str:
        """Name of the file on any system, without its folder."""
        return "" if self.path is None else PureWindowsPath(self.path).name


def source_entry(metadata: MicroscopyMetadata) -> dict[str, Any]:
    """Return what the index keeps of a microscopy file, ready for YAML."""
    return {
        "path": str(metadata.file_path.absolute()),
        "base_name": metadata.base_name,
        "time_source": metadata.time_source,
        "pixel_size_um": metadata.pixel_size_um,
        "channels": [_known(channel) for channel in metadata.channels],
        "positions": list(metadata.fov_names),
    }


def recorded_source(extra: Mapping[str, Any]) -> RecordedSource:
    """Read the entry of an index; what is missing or is not as it should be is left out.

    Parameters
    ----------
    extra
        Further keys of the index.
    """
    entry = extra.get(MADE_FROM)
    if not isinstance(entry, dict):
        return RecordedSource()
    path = _text(entry.get("path"))
    return RecordedSource(
        path=Path(path) if path else None,
        base_name=_text(entry.get("base_name")),
        channels=tuple(_channel(item) for item in _list(entry.get("channels"))),
        fov_names=tuple(_text(item) for item in _list(entry.get("positions"))),
        pixel_size_um=_positive(entry.get("pixel_size_um")),
    )


def _known(channel: ChannelInfo) -> dict[str, Any]:
    return {key: value for key, value in asdict(channel).items() if value is not None}


def _channel(item: Any) -> ChannelInfo:
    given = item if isinstance(item, dict) else {}
    return ChannelInfo(
        name=_text(given.get("name")),
        emission_nm=_positive(given.get("emission_nm")),
        excitation_nm=_positive(given.get("excitation_nm")),
        color=_text(given.get("color")) or None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) and "\0" not in value else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < _MOST else None
