"""Reading NPZ files that nobody vouches for: bounded, never pickled, one sentence where damaged."""

import ast
import io
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import ReadError

Arrays = dict[str, NDArray[Any]]

_MAGIC: Final = b"\x93NUMPY"
_LENGTH_BYTES: Final = {1: 2, 2: 4, 3: 4}
"""Bytes that give the length of an array's header, by the version of the NPY format."""
_LONGEST_HEADER: Final = 4096
_HEADER_KEYS: Final = {"descr", "fortran_order", "shape"}
_SUFFIX: Final = ".npy"


def read_npz(path: Path, *, what: str, most_bytes: int, advice: str) -> Arrays:
    """Read all arrays of an NPZ file.

    Nothing in the file is run, and no more memory is taken than the arrays need.

    Parameters
    ----------
    path
        The file.
    what
        What it should hold, for the sentence where it does not: ``"a pixel classifier"``.
    most_bytes
        Of all arrays together; a file that unpacks to more is refused.
    advice
        What to do about a damaged file, as the end of a sentence.

    Raises
    ------
    FileNotFoundError
        Nothing is at `path`.
    ReadError
        It is no such file.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}: {advice}.")
    if not path.is_file():
        raise ReadError(f"{path} is not {what} but no regular file at all: {advice}.")
    try:
        with zipfile.ZipFile(path) as archive:
            return _arrays(archive, most_bytes)
    except Exception as error:  # Whatever zipfile, zlib and NumPy raise of damaged content.
        reason = str(error).partition("\n")[0] or "it does not unpack"
        raise ReadError(f"{path} is not {what}, or damaged ({reason[:200]}): {advice}.") from None


def _arrays(archive: zipfile.ZipFile, most_bytes: int) -> Arrays:
    entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > most_bytes:
        raise ValueError(f"its arrays are larger than {most_bytes // 2**20} MB")
    return {
        entry.filename.removesuffix(_SUFFIX): _array(entry.filename, archive.read(entry))
        for entry in entries
    }


def _array(name: str, content: bytes) -> NDArray[Any]:
    """Take an array out of the content of an NPY file."""
    length_bytes = _LENGTH_BYTES.get(content[6] if len(content) > 6 else 0)
    if not content.startswith(_MAGIC) or length_bytes is None:
        raise ValueError(f"{name} is no array")
    start = 8 + length_bytes
    stop = start + int.from_bytes(content[8:start], "little")
    if stop - start > _LONGEST_HEADER:
        raise ValueError(f"the header of {name} is too long")
    dtype, shape = _form(name, content[start:stop].decode("latin-1"))
    if dtype.itemsize * int(np.prod(shape, dtype=object)) != len(content) - stop:
        raise ValueError(f"{name} does not have the size that it states")
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return array


def _form(name: str, header: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Read dtype and shape; NumPy would warn of headers that it has to guess."""
    try:
        stated = ast.literal_eval(header.strip())
        dtype, shape = np.dtype(stated["descr"]), stated["shape"]
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        raise ValueError(f"the header of {name} cannot be read") from None
    if set(stated) != _HEADER_KEYS or dtype.hasobject or not isinstance(shape, tuple):
        raise ValueError(f"{name} holds no plain numbers or text")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{name} states an impossible shape")
    return dtype, shape
