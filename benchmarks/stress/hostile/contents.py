"""Contents that run something, or that unpack to more than a machine has."""

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from pyama_core.io.nd2.layout import Nd2Layout, TimePhase
from pyama_core.io.nd2.writer import write_nd2
from pyama_core.io.types import ChannelInfo

Content = Callable[[Path], bytes]
"""Gives the content of a file; what it runs makes the file at that path."""

_DEPTH: Final = 20_000
_BOMB_BYTES: Final = 3 << 30
_ANCHORS: Final = 26


class _Opens:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self._path), "w")


def pickled(marker: Path) -> bytes:
    """A pickle and nothing else."""
    return pickle.dumps(_Opens(marker))


def pickled_npy(marker: Path) -> bytes:
    """An array of objects."""
    saved = io.BytesIO()
    np.save(saved, np.array([_Opens(marker)], dtype=object), allow_pickle=True)
    return saved.getvalue()


def pickled_npz(marker: Path) -> bytes:
    """An archive in which each array is one of objects."""
    names = ("shape", "format", "classes", "binning", "surfaces", "notes", "method")
    return _zipped({f"{name}.npy": pickled_npy(marker) for name in names})


def npz_bomb(marker: Path) -> bytes:
    """An archive that unpacks to gigabytes."""
    saved = io.BytesIO()
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("shape.npy", "format.npy", "surfaces.npy"):
            with archive.open(name, "w", force_zip64=True) as entry:
                for _ in range(_BOMB_BYTES // 3 >> 22):
                    entry.write(bytes(1 << 22))
    return saved.getvalue()


def npz_that_states_little(marker: Path) -> bytes:
    """An archive whose entries state other sizes than they have."""
    content = bytearray(_zipped({"format.npy": bytes(1 << 20), "shape.npy": bytes(1 << 20)}))
    size = struct.pack("<I", 1 << 20)
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = struct.pack("<I", 100)
    return bytes(content)


def huge_npy(marker: Path) -> bytes:
    """An array that states more bytes than there are."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**40}, 64, 64), }}"
    padded = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode()


def deep_npy(marker: Path) -> bytes:
    """An array whose header is nested deeply."""
    header = ("[" * 9_000).ljust(9_100) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def yaml_tag(marker: Path) -> bytes:
    """YAML that asks for a call wherever it is read."""
    call = f"!!python/object/apply:builtins.open ['{marker}', 'w']"
    return (
        f"samples: {call}\nresults_paths: {call}\nchannels: {call}\nsegmentation: {call}\n".encode()
    )


def yaml_anchors(marker: Path) -> bytes:
    """YAML whose anchors multiply, with the keys of every file that is read."""
    lines = ["a0: &a0 [x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, _ANCHORS)]
    last = f"*a{_ANCHORS - 1}"
    lines += [f"samples: [{{name: A, fovs: {last}}}]", f"results_paths: {{'0': {{pc: {last}}}}}"]
    lines += [f"channels: {{pc: 0, fl: {last}}}", f"segmentation: {{sigmas: {last}}}"]
    return "\n".join(lines).encode()


def yaml_of_itself(marker: Path) -> bytes:
    """YAML whose values hold themselves."""
    whole = "samples: &a [*a]\nresults_paths: &b {'0': *b}\n"
    return f"{whole}channels: &c {{pc: *c}}\nsegmentation: &d [*d]\n".encode()


def deep_yaml(marker: Path) -> bytes:
    """YAML nested deeply."""
    return b"samples: " + b"[" * _DEPTH


def deep_json(marker: Path) -> bytes:
    """JSON nested deeply."""
    return b'{"steps": ' + b"[" * _DEPTH + b"]" * _DEPTH + b"}"


def long_number(marker: Path) -> bytes:
    """A number of more digits than are read, in JSON and in YAML."""
    return json.dumps({"steps": 0, "marks": 0, "samples": 0}).replace("0", "9" * 10_000).encode()


def many_fovs(marker: Path) -> bytes:
    """Samples of more FOVs than memory holds."""
    return b"samples: [{name: A, fovs: '0-9999999999'}]\n"


def long_line(marker: Path) -> bytes:
    """A table with one endless cell."""
    return b"fov,cell,frame,time,good,area\n0,1,0,0.0,True," + b"9" * (32 << 20)


def wide_table(marker: Path) -> bytes:
    """A table of a million columns."""
    return b",".join(b"c%d" % i for i in range(1_000_000)) + b"\ncell,frame\n"


def nd2_bomb(marker: Path) -> bytes:
    """A microscopy file with a frame that unpacks to gigabytes."""
    return _nd2(marker, lambda content: _with_frame(content, _zeros()))


def wide_nd2(marker: Path) -> bytes:
    """A microscopy file that states frames of gigabytes."""
    return _nd2(marker, lambda content: _with_number(content, "uiWidth", 2**31 - 1))


def nd2_of_many_frames(marker: Path) -> bytes:
    """A microscopy file that states billions of frames."""
    return _nd2(marker, lambda content: _with_number(content, "uiSequenceCount", 2**31 - 1))


def nd2_of_many_times(marker: Path) -> bytes:
    """A microscopy file whose time loop states billions of frames."""
    return _nd2(marker, lambda content: _with_number(content, "uiCount", 2**31 - 1))


def _nd2(marker: Path, change: Callable[[bytes], bytes]) -> bytes:
    path = marker.with_name(f"made-{os.getpid()}.nd2")
    frame = np.ones((1, 16, 16), np.uint16)
    layout = Nd2Layout((TimePhase(2),), compress=True)
    write_nd2(path, lambda *at: frame, channels=[ChannelInfo("Phase")], layout=layout)
    content = path.read_bytes()
    path.unlink()
    return change(content)


def _zeros() -> bytes:
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1 << 24)) for _ in range(_BOMB_BYTES >> 24)]
    return b"".join([*parts, packer.flush()])


def _with_frame(content: bytes, packed: bytes) -> bytes:
    """Append a frame, and have the map name it for the first one."""
    from pyama_core.io.nd2.container import ENTRY, HEADER, MAGIC, MAP_SIGNATURE

    name = b"ImageDataSeq|0!"
    at = content.rindex(name) + len(name)
    map_start = content.rindex(b"ND2 FILEMAP SIGNATURE NAME 0001!") - HEADER.size
    body = struct.pack("<d", 0.0) + packed
    chunk = HEADER.pack(MAGIC, 4072, len(body)) + name.ljust(4072, b"\0") + body
    entry = ENTRY.pack(map_start, len(body))
    old_map = bytearray(content[map_start:])
    old_map[at - map_start : at - map_start + len(entry)] = entry
    old_map[-8:] = struct.pack("<Q", map_start + len(chunk))
    assert MAP_SIGNATURE in old_map
    return content[:map_start] + chunk + bytes(old_map)


def _with_number(content: bytes, name: str, value: int) -> bytes:
    key = f"{name}\0".encode("utf-16-le")
    at = content.index(key) + len(key)
    return content[:at] + struct.pack("<I", value) + content[at + 4 :]


def _zipped(files: dict[str, bytes]) -> bytes:
    saved = io.BytesIO()
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return saved.getvalue()
