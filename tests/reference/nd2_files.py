"""Small ND2 files with random content, and what the nd2 library reads of any file."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import nd2
import numpy as np

from pyama_core.io.nd2.container import ENTRY, HEADER, MAGIC, MAP_NAME, MAP_SIGNATURE
from pyama_core.io.nd2.writer import Nd2Layout, Position, TimePhase, write_nd2
from pyama_core.io.types import ChannelInfo

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

_AXES = {"TimeLoop": "T", "NETimeLoop": "T", "XYPosLoop": "P", "ZStackLoop": "Z"}


def layout(n_fovs: int = 0, n_frames: int = 1, n_z: int = 1, **changes: Any) -> Nd2Layout:
    """Layout with evenly named positions; without any for 0 FOVs."""
    positions = tuple(Position(f"XY{fov + 1}") for fov in range(n_fovs))
    given = {"phases": (TimePhase(n_frames),), "positions": positions, "n_z": n_z}
    return Nd2Layout(**(given | changes))


def random_frames(
    layout: Nd2Layout, n_channels: int = 1, shape: tuple[int, int] = (16, 20), dtype: str = "uint16"
) -> NDArray[Any]:
    """Frames ``(n_fovs, n_frames, n_z, C, H, W)`` without a zero."""
    sizes = (layout.sizes["P"], layout.sizes["T"], layout.sizes["Z"])
    rng = np.random.default_rng(0)
    return rng.integers(1, 255, (*sizes, n_channels, *shape)).astype(dtype)


def write_frames(
    path: Path,
    frames: NDArray[Any],
    layout: Nd2Layout,
    *,
    channels: tuple[ChannelInfo, ...] | None = None,
    frame_times_ms: ArrayLike | None = None,
    missing: tuple[tuple[int, int, int], ...] = (),
) -> Path:
    """Write frames as `random_frames` gives them; `missing` lists (fov, frame, z)."""
    named = tuple(ChannelInfo(f"Channel {number}") for number in range(frames.shape[3]))
    write_nd2(
        path,
        lambda fov, frame, z: None if (fov, frame, z) in missing else frames[fov, frame, z],
        channels=channels or named,
        layout=layout,
        pixel_size_um=0.65,
        frame_times_ms=frame_times_ms,
    )
    return path


def write_number(path: Path, key: str, value: float, kind: str, after: str = "SLx") -> None:
    """Overwrite a number of the metadata, as `struct` packs it: the first of its name after one."""
    content = bytearray(path.read_bytes())
    name = key.encode("utf-16-le") + b"\0\0"
    start = content.index(name, content.index(after.encode("utf-16-le"))) + len(name)
    content[start : start + struct.calcsize(f"<{kind}")] = struct.pack(f"<{kind}", value)
    path.write_bytes(content)


def hide_chunk(path: Path, name: bytes) -> None:
    """Rename a chunk, so that the file has none of that name."""
    path.write_bytes(path.read_bytes().replace(name, b"X" + name[1:]))


def add_chunk(path: Path, name: bytes, body: bytes) -> None:
    """Append a chunk to a file, and to its map."""
    content = path.read_bytes()
    (map_start,) = struct.unpack("<Q", content[-8:])
    _, name_length, size = HEADER.unpack_from(content, map_start)
    entries = content[map_start + HEADER.size + name_length :][: size - len(MAP_SIGNATURE) - 8]
    chunk = HEADER.pack(MAGIC, len(name), len(body)) + name + body
    map_body = entries + name + ENTRY.pack(map_start, len(body)) + MAP_SIGNATURE
    map_body += struct.pack("<Q", map_start + len(chunk))
    head = HEADER.pack(MAGIC, len(MAP_NAME), len(map_body)) + MAP_NAME
    path.write_bytes(content[:map_start] + chunk + head + map_body)


def plain_frames(path: Path) -> NDArray[Any]:
    """Frames as the nd2 library alone reads them, ``(n_fovs, n_frames, n_z, C, H, W)``."""
    with nd2.ND2File(path) as file:
        attributes = file.attributes
        shape = (attributes.componentCount, attributes.heightPx, attributes.widthPx)
        stored = [file.read_frame(i).reshape(shape) for i in range(_n_sequence(file))]
        return _by_fov_frame_z(np.array(stored), file)


def plain_times_ms(path: Path) -> NDArray[np.float64]:
    """Frame times as the nd2 library alone reads them, ``(n_fovs, n_frames, n_z)``."""
    with nd2.ND2File(path) as file:
        stamps = [file.frame_metadata(i).channels[0].time for i in range(_n_sequence(file))]
        return _by_fov_frame_z(np.array([stamp.relativeTimeMs for stamp in stamps]), file)


def _n_sequence(file: nd2.ND2File) -> int:
    return int(np.prod([loop.count for loop in file.experiment]))


def _by_fov_frame_z(sequence: NDArray[Any], file: nd2.ND2File) -> NDArray[Any]:
    axes = [_AXES[loop.type] for loop in file.experiment]
    counts = [loop.count for loop in file.experiment]
    order = [axes.index(axis) for axis in "PTZ" if axis in axes]
    sizes = [dict(zip(axes, counts, strict=True)).get(axis, 1) for axis in "PTZ"]
    rest = sequence.shape[1:]
    nested = sequence.reshape(*counts, *rest)
    inner = range(len(axes), nested.ndim)
    return nested.transpose(*order, *inner).reshape(*sizes, *rest)
