"""Channels and scale of an ND2 file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pyama_core.io.types import ChannelInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import nd2


_FIRST_WITH_RECORDS: Final = (3, 0)
"""Version of the format that keeps its metadata in records; XML before."""

LEAST_UM: Final = 1e-3
MOST_UM: Final = 100.0
"""Sizes of a pixel and steps in z that a microscope can have."""

_LEAST_NM: Final = 100.0
_MOST_NM: Final = 3000.0
"""Wavelengths of light that a microscope can use."""


@dataclass(frozen=True)
class Picture:
    """Channels as far as they are described, and the edge of a pixel where it is known."""

    channels: tuple[ChannelInfo, ...]
    pixel_size_um: float | None
    warnings: tuple[str, ...] = ()


def read_picture(file: nd2.ND2File) -> Picture:
    """Read channels and pixel size; raises ValueError where a channel has impossibly many parts."""
    if file.is_legacy:
        return _legacy_picture(file)
    picture = raw_record(file, picture_name(file), "SLxPictureMetadata")
    planes = _planes(picture)
    _check_components(planes, file.attributes.componentCount)
    size, warnings = checked_um(
        picture.get("dCalibration"), "pixel size", stated=bool(picture.get("bCalibrated"))
    )
    try:
        described = [_channel(entry.channel) for entry in file.metadata.channels or ()]
    except (AttributeError, KeyError, TypeError, UnboundLocalError, ValueError):
        # nd2 0.12 does so where a channel has no fluorescent probe, or the file no calibration.
        described = [_plain_channel(plane) for plane in planes]
    return Picture(tuple(described), size, warnings)


def checked_um(
    value: Any, what: str, *, stated: bool = True
) -> tuple[float | None, tuple[str, ...]]:
    """Return a length that a microscope can have, else None; warn where another is stated."""
    if not stated:
        return None, ()
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and LEAST_UM <= value <= MOST_UM:
        return float(value), ()
    said = f"{value:g} um" if is_number else "no number"
    return None, (
        f"The file states a {what} of {said}, which no microscope has ({LEAST_UM:g} to {MOST_UM:g} "
        f"um are possible): the {what} is taken as not known.",
    )


def printable(text: Any) -> str:
    """Return a name without what would disturb a terminal or a table; empty where it is none."""
    if not isinstance(text, str):
        return ""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def picture_name(file: nd2.ND2File) -> str:
    """Name of the record of channels and scale."""
    return "ImageMetadataSeqLV|0" if file.version >= _FIRST_WITH_RECORDS else "ImageMetadataSeq|0"


def experiment_name(file: nd2.ND2File) -> str:
    """Name of the record of the loops."""
    return "ImageMetadataLV" if file.version >= _FIRST_WITH_RECORDS else "ImageMetadata"


def raw_record(file: nd2.ND2File, name: str, within: str) -> dict[str, Any]:
    """Return a metadata record as it is stored; the file has to have one of that name."""
    (record,) = file.unstructured_metadata(strip_prefix=False, include={name}).values()
    inner: dict[str, Any] = record.get(within, record)
    return inner


def _legacy_picture(file: nd2.ND2File) -> Picture:
    described = getattr(file.metadata, "channels", None) or ()
    frame: Any = file.frame_metadata(0)
    size, warnings = checked_um(
        frame.get("Calibration"), "pixel size", stated=bool(frame.get("Calibrated"))
    )
    return Picture(tuple(_channel(entry.channel) for entry in described), size, warnings)


def _channel(stated: Any) -> ChannelInfo:
    color = stated.color
    return ChannelInfo(
        name=printable(stated.name),
        emission_nm=_wavelength(stated.emissionLambdaNm),
        excitation_nm=_wavelength(stated.excitationLambdaNm),
        color=f"#{color.r:02x}{color.g:02x}{color.b:02x}",
    )


def _wavelength(stated: Any) -> float | None:
    usable = isinstance(stated, int | float) and _LEAST_NM <= stated <= _MOST_NM
    return stated if usable else None


def _plain_channel(plane: dict[str, Any]) -> ChannelInfo:
    return ChannelInfo(printable(plane.get("sDescription")), color=_color(plane.get("uiColor")))


def _planes(picture: dict[str, Any]) -> list[dict[str, Any]]:
    planes = picture["sPicturePlanes"]
    return list((planes.get("sPlaneNew") or planes.get("sPlane") or {}).values())


def _check_components(planes: Sequence[dict[str, Any]], n_components: int) -> None:
    """Keep nd2 from making lists as long as a damaged number says, and channels from mixing."""
    described = sum(plane.get("uiCompCount", 1) for plane in planes)
    if described > n_components or any(plane.get("uiCompCount", 1) < 0 for plane in planes):
        raise ValueError(f"channels of {described} components of {n_components}")


def _color(number: Any) -> str | None:
    """``#rrggbb`` of 0xBBGGRR."""
    if not isinstance(number, int):
        return None
    return "#" + (number & 0xFFFFFF).to_bytes(3, "little").hex()


def named(channels: Sequence[ChannelInfo], n_channels: int) -> tuple[ChannelInfo, ...]:
    """One entry per channel; those that the file does not name have their number."""
    described = [*channels[:n_channels], *[ChannelInfo("")] * (n_channels - len(channels))]
    return tuple(
        channel if channel.name else replace(channel, name=f"Channel {number}")
        for number, channel in enumerate(described)
    )


_POSITIONS: Final = "XYPosLoop"
_POSITIONS_CODE: Final = 2


def fov_names(experiment: Iterable[Any], n_fovs: int) -> tuple[str, ...]:
    """Name every FOV, by its number where the file does not."""
    stated: Sequence[str | None] = [None] * n_fovs
    for loop in experiment:
        if loop.type == _POSITIONS:
            stated = [printable(point.name) for point in loop.parameters.points]
    if len(stated) != n_fovs:
        stated = [None] * n_fovs
    return tuple(name or f"FOV {fov}" for fov, name in enumerate(stated))


def invalid_warning(file: nd2.ND2File) -> tuple[str, ...]:
    """Say which positions are left out, since FOVs are not numbered as on the microscope then."""
    has_positions = any(loop.type == _POSITIONS for loop in file.experiment)
    if not has_positions or file.is_legacy:
        return ()
    record = raw_record(file, experiment_name(file), "SLxExperiment")
    names, left_out = _listed(_position_loop(record) or {})
    if not left_out:
        return ()
    return (
        f"Positions marked invalid hold no frames and are left out: {', '.join(left_out)} "
        f"({len(left_out)} of {len(names)}); FOVs are numbered without them.",
    )


def _listed(loop: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Name all positions of a loop, and those that it marks invalid."""
    points = loop.get("uLoopPars", {}).get("Points", {}).values()
    names = [
        printable(point.get("dPosName")) or f"number {n}" for n, point in enumerate(points, start=1)
    ]
    valid = loop.get("pItemValid") or ()
    return names, [name for name, is_valid in zip(names, valid, strict=False) if not is_valid]


def _position_loop(loop: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the loop over positions among a loop and the ones inside it."""
    if loop.get("eType") == _POSITIONS_CODE:
        return loop
    inner = (loop.get("ppNextLevelEx") or {}).values()
    return next((found for one in inner if (found := _position_loop(one))), None)
