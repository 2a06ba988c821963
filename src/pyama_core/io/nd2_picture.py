"""Channels and scale of an ND2 file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pyama_core.io.microscopy import ChannelInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    import nd2

FIRST_WITH_RECORDS: Final = (3, 0)
"""Version of the format that keeps its metadata in records."""


@dataclass(frozen=True)
class Picture:
    """Channels as far as they are described, and the edge of a pixel where it is known."""

    channels: tuple[ChannelInfo, ...]
    pixel_size_um: float | None


def read_picture(file: nd2.ND2File) -> Picture:
    """Read channels and pixel size; raises ValueError where a channel has impossibly many parts."""
    if file.version >= FIRST_WITH_RECORDS:
        _check_components(_planes(_picture_record(file)), file.attributes.componentCount)
    try:
        described = getattr(file.metadata, "channels", None) or ()
    except UnboundLocalError:
        # nd2 0.12 does so where a channel has no fluorescent probe.
        return _picture_without_probes(file)
    scales = [entry.volume.axesCalibration[0] for entry in described if _is_calibrated(entry)]
    return Picture(
        tuple(_channel(entry.channel) for entry in described), float(scales[0]) if scales else None
    )


def _is_calibrated(entry: Any) -> bool:
    return bool(entry.volume.axesCalibrated[0])


def _channel(stated: Any) -> ChannelInfo:
    color = stated.color
    return ChannelInfo(
        name=stated.name,
        emission_nm=stated.emissionLambdaNm or None,
        excitation_nm=stated.excitationLambdaNm or None,
        color=f"#{color.r:02x}{color.g:02x}{color.b:02x}",
    )


def _picture_without_probes(file: nd2.ND2File) -> Picture:
    picture = _picture_record(file)
    return Picture(
        tuple(
            ChannelInfo(plane["sDescription"], color=_color(plane["uiColor"]))
            for plane in _planes(picture)
        ),
        picture["dCalibration"] if picture["bCalibrated"] else None,
    )


def _picture_record(file: nd2.ND2File) -> dict[str, Any]:
    (record,) = file.unstructured_metadata(
        strip_prefix=False, include={"ImageMetadataSeqLV|0"}
    ).values()
    picture: dict[str, Any] = record["SLxPictureMetadata"]
    return picture


def _planes(picture: dict[str, Any]) -> list[dict[str, Any]]:
    planes = picture["sPicturePlanes"]
    return list((planes.get("sPlaneNew") or planes.get("sPlane") or {}).values())


def _check_components(planes: Sequence[dict[str, Any]], n_components: int) -> None:
    """Keep nd2 from making lists as long as a damaged number says."""
    for plane in planes:
        if plane.get("uiCompCount", 1) > n_components:
            raise ValueError(f"a channel of {plane['uiCompCount']} of {n_components} components")


def _color(number: int) -> str:
    """``#rrggbb`` of 0xBBGGRR."""
    return "#" + (number & 0xFFFFFF).to_bytes(3, "little").hex()


def named(channels: Sequence[ChannelInfo], n_channels: int) -> tuple[ChannelInfo, ...]:
    """One entry per channel; those that the file does not name have their number."""
    described = [*channels[:n_channels], *[ChannelInfo("")] * (n_channels - len(channels))]
    return tuple(
        channel if channel.name else replace(channel, name=f"Channel {number}")
        for number, channel in enumerate(described)
    )
