"""NPY and NPZ files are read as NumPy reads them, or refused before memory is taken."""

import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes
from numpy.typing import NDArray

from pyama_core.errors import ReadError
from pyama_core.npy import map_npy, read_npz


def saved(array: NDArray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def with_header(header: str, data: bytes = b"", version: int = 1) -> bytes:
    text = header.encode("latin-1") + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


@given(arrays(scalar_dtypes(), array_shapes(min_dims=0, min_side=0, max_side=4)), st.booleans())
def test_any_array_is_the_one_that_numpy_reads(
    tmp_path_factory: pytest.TempPathFactory, array: NDArray, in_columns: bool
) -> None:
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    path.write_bytes(saved(np.asfortranarray(array) if in_columns else array))
    mapped, expected = map_npy(path), np.load(path)
    assert (mapped.dtype, mapped.shape) == (expected.dtype, expected.shape)
    assert mapped.tobytes() == expected.tobytes()
    np.savez(path.with_suffix(".npz"), a=array)
    read = read_npz(path.with_suffix(".npz"), what="arrays", most_bytes=1 << 20, advice="do this")
    assert read["a"].tobytes() == array.tobytes()


DAMAGED = {
    "empty": b"",
    "magic only": b"\x93NUMPY",
    "a pickle": pickle.dumps([1]),
    "objects": saved(np.array([{}], dtype=object)),
    "objects by name": with_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"x"),
    "cut header": saved(np.ones(3))[:40],
    "cut values": saved(np.ones(3))[:-1],
    "version 9": b"\x93NUMPY\x09\x00" + saved(np.ones(3))[8:],
    "header of code": with_header("__import__('os').system('true')"),
    "deep header": with_header("[" * 3000),
    "a longer header than any": with_header(" " * 9000),
    "no dictionary": with_header("(1, 2)"),
    "too many shapes": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2**62, 9)}"),
    "more than there is": with_header(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 64, 64)}"
    ),
    "a negative size": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
    "a size that is a truth": with_header(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (True,)}", b"x"
    ),
    "an order that is text": with_header(
        "{'descr': '|u1', 'fortran_order': 'no', 'shape': (1,)}", b"x"
    ),
    "unknown type": with_header("{'descr': '<f99', 'fortran_order': False, 'shape': (1,)}"),
    "of Python 2": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1L,)}"),
    "another key": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (), 'a': 1}"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_arrays_are_refused_without_a_warning(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(DAMAGED[damage])
    with pytest.raises(ValueError, match=r"^(it|the header of it) "):
        map_npy(path)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", DAMAGED[damage])
    with pytest.raises(ReadError, match=r"a\.npz is not arrays, or damaged \(.+\): do this\.$"):
        read_npz(tmp_path / "a.npz", what="arrays", most_bytes=1 << 20, advice="do this")


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(3 << 20))
    with pytest.raises(ReadError, match="larger than 2 MB"):
        read_npz(path, what="arrays", most_bytes=2 << 20, advice="do this")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_an_archive_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.arange(1000))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ReadError, match="do this"):
        read_npz(path, what="arrays", most_bytes=1 << 20, advice="do this")
