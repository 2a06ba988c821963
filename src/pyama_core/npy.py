"""Reading NPY and NPZ files that nobody vouches for: bounded, never pickled, checked first."""

import ast
import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import ReadError

Arrays = dict[str, NDArray[Any]]

_MAGIC: Final = b"\x93NUMPY"
_LENGTH_BYTES: Final = {1: 2, 2: 4, 3: 4}
"""Bytes that give the length of an array's header, by the version of the NPY format."""
_LONGEST_BEGIN: Final = 4096
"""Bytes of magic and header; those of numbers and texts have 128."""
_HEADER_KEYS: Final = {"descr", "fortran_order", "shape"}
_SUFFIX: Final = ".npy"


@dataclass(frozen=True)
class _Form:
    """What the header of an NPY file states."""

    dtype: np.dtype[Any]
    shape: Any
    fortran_order: Any
    start: int
    """Where the values begin, bytes."""

    @property
    def is_plain(self) -> bool:
        """Whether it is the header of an array without objects."""
        return (
            not self.dtype.hasobject
            and isinstance(self.shape, tuple)
            and all(type(n) is int and n >= 0 for n in self.shape)
            and isinstance(self.fortran_order, bool)
        )

    @property
    def n_bytes(self) -> int:
        """Bytes of the values; exact, however many are stated."""
        return int(math.prod(self.shape)) * self.dtype.itemsize


def map_npy(path: Path) -> NDArray[Any]:
    """Open the array of an NPY file as a read-only memory map.

    Raises
    ------
    OSError
        The file cannot be opened.
    ValueError
        It holds no array, or less than it states; says which.
    """
    with path.open("rb") as file:
        form = _form("it", file.read(_LONGEST_BEGIN))
    if form.n_bytes > path.stat().st_size - form.start:
        raise ValueError("it holds less than it states")
    if not form.n_bytes:
        return np.empty(form.shape, form.dtype)
    order: Literal["F", "C"] = "F" if form.fortran_order else "C"
    return np.memmap(path, form.dtype, "r", form.start, form.shape, order)


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
    form = _form(name, content[:_LONGEST_BEGIN])
    if form.n_bytes != len(content) - form.start:
        raise ValueError(f"{name} does not have the size that it states")
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return array


def _form(name: str, begin: bytes) -> _Form:
    """Read the header of an NPY file; NumPy warns of some, and makes any size of others."""
    length_bytes = _LENGTH_BYTES.get(begin[6] if len(begin) > 6 else 0)
    if not begin.startswith(_MAGIC) or length_bytes is None:
        raise ValueError(f"{name} is no array")
    start = 8 + length_bytes
    stop = start + int.from_bytes(begin[8:start], "little")
    if stop > len(begin):
        raise ValueError(f"the header of {name} is too long or cut short")
    try:
        stated = ast.literal_eval(begin[start:stop].decode("latin-1").strip())
        form = _Form(np.dtype(stated["descr"]), stated["shape"], stated["fortran_order"], stop)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        raise ValueError(f"the header of {name} cannot be read") from None
    if set(stated) != _HEADER_KEYS or not form.is_plain:
        raise ValueError(f"{name} holds no plain numbers or text")
    return form
