"""Writes ND2 files (version 3): the sample experiment, and the files of the tests."""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyama_core.errors import InputError
from pyama_core.io.atomic import atomic_write
from pyama_core.io.nd2.clx import Value, encode
from pyama_core.io.nd2.container import ENTRY, FRAME_PREFIX, HEADER, MAGIC, MAP_NAME, MAP_SIGNATURE
from pyama_core.io.nd2.layout import FrameType, Nd2Layout, Position, TimePhase
from pyama_core.io.types import ChannelInfo

_FLUORESCENCE, _PHASE_CONTRAST, _CAMERA = 0x1, 0x10, 0x100


def attributes_record(frame_type: FrameType, layout: Nd2Layout) -> bytes:
    """Describe size, type and storage of the frames."""
    n_channels, height, width = frame_type.shape
    bits = 8 * frame_type.dtype.itemsize
    attributes: dict[str, Value] = {
        "uiWidth": width,
        "uiWidthBytes": frame_type.row_bytes(layout),
        "uiHeight": height,
        "uiComp": n_channels,
        "uiBpcInMemory": bits,
        "uiBpcSignificant": bits,
        "uiSequenceCount": int(np.prod(list(layout.sizes.values()))),
        "uiTileWidth": width,
        "uiTileHeight": height,
        "eCompression": np.int32(0 if layout.compress else 2),
        "dCompressionParam": 0.0,
        "ePixelType": np.int32(2 if frame_type.dtype.kind == "f" else 1),
        "uiVirtualComponents": n_channels,
    }
    return encode("SLxImageAttributes", attributes)


def picture_record(channels: Sequence[ChannelInfo], pixel_size_um: float | None) -> bytes:
    """Describe channels and scale."""
    planes: dict[str, Value] = {f"a{i}": _plane(channel) for i, channel in enumerate(channels)}
    picture: dict[str, Value] = {
        "dTimeMSec": 0.0,
        "dTimeAbsolute": 0.0,
        "dXPos": 0.0,
        "dYPos": 0.0,
        "dZPos": 0.0,
        "sPicturePlanes": {
            "uiCount": len(channels),
            "uiCompCount": len(channels),
            "sPlaneNew": planes,
        },
        "wsObjectiveName": "",
        "dObjectiveMag": 0.0,
        "dObjectiveNA": 0.0,
        "dCalibration": float(pixel_size_um or 0.0),
        "bCalibrated": pixel_size_um is not None,
    }
    return encode("SLxPictureMetadata", picture)


def _plane(channel: ChannelInfo) -> dict[str, Value]:
    modality = _PHASE_CONTRAST if channel.emission_nm is None else _FLUORESCENCE
    color = _color_number(channel.color or "#ffffff")
    probe: dict[str, Value] = {
        "m_sName": channel.name,
        "m_uiColor": color,
        "m_ExcitationSpectrum": _spectrum(channel.excitation_nm),
        "m_EmissionSpectrum": _spectrum(channel.emission_nm),
    }
    return {
        "uiCompCount": 1,
        "uiSampleIndex": 0,
        "uiModalityMask": modality | _CAMERA,
        "pFluorescentProbe": probe,
        "uiColor": color,
        "sDescription": channel.name,
    }


def _color_number(color: str) -> int:
    """0xBBGGRR of ``#rrggbb``."""
    return int.from_bytes(bytes.fromhex(color.removeprefix("#")), "little")


def _spectrum(wavelength_nm: float | None) -> dict[str, Value]:
    points: dict[str, Value] = {}
    if wavelength_nm is not None:
        line: dict[str, Value] = {
            "eType": np.int32(4),
            "dWavelength": float(wavelength_nm),
            "dTValue": 1.0,
        }
        points["Point0"] = line
    return {"uiCount": len(points), "pPoint": points, "bPoints": False}


def experiment_record(layout: Nd2Layout) -> bytes:
    """Nest the loops, each holding the next inner one; empty for a still image."""
    inner: dict[str, Value] = {}
    describe = {"T": _time_loop, "P": _position_loop, "Z": _z_loop}
    for loop in reversed(layout.order):
        outer = describe[loop](layout)
        if outer and inner:
            outer |= {"uiNextLevelCount": 1, "ppNextLevelEx": [inner]}
        inner = outer or inner
    return encode("SLxExperiment", inner) if inner else b""


def _time_loop(layout: Nd2Layout) -> dict[str, Value]:
    phases = [_time_phase(phase) for phase in layout.phases]
    if len(phases) == 1:
        return {"eType": np.int32(1), "uLoopPars": phases[0]}
    several: dict[str, Value] = {
        "uiCount": layout.sizes["T"],
        "uiPeriodCount": len(phases),
        "pPeriod": phases,
        "pPeriodValid": bytes([1] * len(phases)),
    }
    return {"eType": np.int32(8), "uLoopPars": several}


def _time_phase(phase: TimePhase) -> dict[str, Value]:
    return {
        "uiCount": phase.n_frames,
        "dStart": 0.0,
        "dPeriod": float(phase.period_ms),
        "dDuration": float(phase.period_ms * phase.n_frames),
        "dAvgPeriodDiff": float(phase.mean_period_ms),
        "dMaxPeriodDiff": float(phase.mean_period_ms),
        "dMinPeriodDiff": float(phase.mean_period_ms),
    }


def _position_loop(layout: Nd2Layout) -> dict[str, Value]:
    if not layout.positions:
        return {}
    points: list[Value] = [
        {
            "dPosX": float(position.x_um),
            "dPosY": float(position.y_um),
            "dPosZ": float(position.z_um),
            "dPFSOffset": -1.0,
            "dPosName": position.name,
        }
        for position in layout.positions
    ]
    return {
        "eType": np.int32(2),
        "uLoopPars": {"uiCount": len(points), "bUseZ": True, "Points": points},
        "pItemValid": bytes(position.valid for position in layout.positions),
    }


def _z_loop(layout: Nd2Layout) -> dict[str, Value]:
    if layout.n_z == 1:
        return {}
    height = layout.z_step_um * (layout.n_z - 1)
    z: dict[str, Value] = {
        "uiCount": layout.n_z,
        "dZStep": float(layout.z_step_um),
        "dZLow": 0.0,
        "dZHigh": height,
        "dZHome": height / 2,
    }
    return {"eType": np.int32(4), "uLoopPars": z}


__all__ = ["DTYPES", "FrameSource", "Nd2Layout", "Position", "TimePhase", "write_nd2"]

FrameSource: TypeAlias = (
    Callable[[int, int, int], NDArray[Any] | None] | Iterable[NDArray[Any] | None]
)
"""Frames ``(C, H, W)``: as ``f(fov, frame, z)``, or in the order the file stores them.

None stands for a frame that the file lists and does not hold.
"""

DTYPES: Final = ("uint8", "uint16", "float32")

_PAGE = 4096
_FRAME_NAME_LENGTH = 4072


def write_nd2(
    path: Path | str,
    frames: FrameSource,
    *,
    channels: Sequence[ChannelInfo],
    layout: Nd2Layout | None = None,
    pixel_size_um: float | None = None,
    frame_times_ms: ArrayLike | None = None,
) -> None:
    """Write an ND2 file frame by frame; it appears under its name only when complete.

    Parameters
    ----------
    path
        File to write; one that exists is replaced.
    frames
        Arrays ``(C, H, W)`` of uint8, uint16 or float32, all alike; see `FrameSource`.
    channels
        One entry per channel, in the order of the arrays.
    layout
        Loops and storage; a single still image by default.
    pixel_size_um
        Edge of a pixel; None leaves the file uncalibrated.
    frame_times_ms
        When each frame was taken, ``(n_frames,)``, ``(n_fovs, n_frames)`` or ``(n_fovs,
        n_frames, n_z)``; None leaves the file without times of its own.

    Raises
    ------
    InputError
        The frames differ in shape or dtype, are too few, or do not fit the channels.
    """
    layout = layout or Nd2Layout()
    times = _frame_times(layout, frame_times_ms)
    with atomic_write(Path(path)) as partial, partial.open("wb") as stream:
        chunks = _ChunkFile(stream)
        frame_type = _write_frames(chunks, frames, layout, len(channels), times)
        chunks.write("ImageAttributesLV", attributes_record(frame_type, layout))
        chunks.write("ImageMetadataSeqLV|0", picture_record(channels, pixel_size_um))
        if experiment := experiment_record(layout):
            chunks.write("ImageMetadataLV", experiment)
        if frame_times_ms is not None:
            chunks.write("CustomData|AcqTimesCache", times.tobytes())
        chunks.write_map()


class _ChunkFile:
    """Named chunks on page boundaries, and the map of them at the end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._map: list[bytes] = []
        self._append(b"ND2 FILE SIGNATURE CHUNK NAME01!", 32, b"Ver3.0".ljust(64, b"\0"))

    def write(self, name: str, body: bytes) -> None:
        """Append a metadata chunk."""
        self._record(f"{name}!".encode(), -(HEADER.size + len(body)) % _PAGE, body)

    def write_frame(self, index: int, body: bytes) -> None:
        """Append the frame of a sequence index."""
        self._record(b"%s%d!" % (FRAME_PREFIX, index), _FRAME_NAME_LENGTH, body)

    def write_map(self) -> None:
        """Append the map of all chunks, which makes the file complete."""
        end = MAP_SIGNATURE + struct.pack("<Q", self._stream.tell())
        body = b"".join([*self._map, end])
        self._append(MAP_NAME, -(HEADER.size + len(body)) % _PAGE, body)

    def _record(self, key: bytes, name_length: int, body: bytes) -> None:
        self._map.append(key + ENTRY.pack(self._stream.tell(), len(body)))
        self._append(key, name_length, body)

    def _append(self, key: bytes, name_length: int, body: bytes) -> None:
        if name_length < len(key):
            name_length += _PAGE
        self._stream.write(HEADER.pack(MAGIC, name_length, len(body)))
        self._stream.write(key.ljust(name_length, b"\0"))
        self._stream.write(body)
        self._stream.write(b"\0" * (-self._stream.tell() % _PAGE))


def _frame_times(layout: Nd2Layout, stated: ArrayLike | None) -> NDArray[np.float64]:
    """Milliseconds of each frame, in the order of the file."""
    times = np.asarray(0.0 if stated is None else stated, dtype=np.float64)
    sizes = layout.sizes
    shape = (sizes["P"], sizes["T"], sizes["Z"])
    try:
        full = np.broadcast_to(times[..., None] if times.ndim in (1, 2) else times, shape)
    except ValueError:
        raise InputError(
            f"frame_times_ms has shape {times.shape}: it must fit (fovs, frames, z) = {shape}."
        ) from None
    return np.array([full[index] for index in layout.indices()])


def _write_frames(
    chunks: _ChunkFile,
    frames: FrameSource,
    layout: Nd2Layout,
    n_channels: int,
    times: NDArray[np.float64],
) -> FrameType:
    frame_type: FrameType | None = None
    for index, frame in enumerate(_in_order(frames, layout)):
        if frame is None:
            continue
        frame_type = frame_type or _checked_type(frame, n_channels)
        if (frame.shape, frame.dtype) != (frame_type.shape, frame_type.dtype):
            raise InputError(f"Frame {index} is {frame.dtype} {frame.shape}, not {frame_type}.")
        pixels = _interleaved(frame, frame_type.row_bytes(layout))
        stored = zlib.compress(pixels) if layout.compress else pixels
        chunks.write_frame(index, struct.pack("<d", times[index]) + stored)
    if frame_type is None:
        raise InputError("No frame was given: an ND2 file needs at least one.")
    return frame_type


def _in_order(frames: FrameSource, layout: Nd2Layout) -> Iterator[NDArray[Any] | None]:
    if callable(frames):
        yield from (frames(*index) for index in layout.indices())
        return
    expected = int(np.prod(list(layout.sizes.values())))
    count = 0
    for count, frame in enumerate(frames, start=1):
        if count > expected:
            raise InputError(f"More frames were given than the {expected} of the layout.")
        yield frame
    if count < expected:
        raise InputError(f"{count} frames were given: the layout has {expected}.")


def _checked_type(frame: NDArray[Any], n_channels: int) -> FrameType:
    if frame.ndim != 3 or len(frame) != n_channels:
        raise InputError(f"A frame has shape {frame.shape}: expected ({n_channels}, H, W).")
    if frame.dtype.name not in DTYPES:
        raise InputError(f"A frame is {frame.dtype}: an ND2 file holds {', '.join(DTYPES)}.")
    return FrameType(frame.shape, frame.dtype)


def _interleaved(frame: NDArray[Any], row_bytes: int) -> bytes:
    """Pixels as stored: rows of channels side by side, padded."""
    n_channels, height, width = frame.shape
    rows = np.zeros((height, row_bytes // frame.itemsize), frame.dtype.newbyteorder("<"))
    pixels = rows[:, : width * n_channels].reshape(height, width, n_channels)
    for channel in range(n_channels):
        pixels[..., channel] = frame[channel]
    return rows.tobytes()
