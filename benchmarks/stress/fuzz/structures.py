"""Damage that keeps a file well-formed: other values in JSON, YAML, NPY, NPZ and ND2."""

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import yaml

from benchmarks.stress.fuzz.mutations import Rng

ODD_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 7, 2**31, 2**63, 2**64, -(2**63), 10**30, 0.5, 1e308,
    float("nan"), float("inf"), -float("inf"), "", " ", "0", "1", "-1", "nan", "all",
    "0-9999999999", "0-1", "a" * 10_000, "../outside", "../../outside/secret.npy", "/dev/zero",
    "/etc/passwd", ".", "..", "/", "\0", "é", "\n", "%d", "{fov}", "!!python/name:os.system",
    [], {}, [[]], [None], [[1, 2], [3]], {"a": {}}, {"": ""}, {"0": None}, [0] * 1000,
    [1, [2, [3, [4, [5]]]]],
)  # fmt: skip

_ODD_SHAPES: Final = (
    (0,), (), (1,), (4, 64), (4, 64, 64, 1), (2**40,), (2**62, 2), (-1,), (3, 64, 64), (5, 64, 64),
    (4, 63, 64), (4, 64, 65), (0, 64, 64), (64, 64, 4), (10**6, 10**6, 10**6),
)  # fmt: skip
_ODD_TYPES: Final = (
    "|b1", "|u1", "<u2", ">u2", "<u4", "<i4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "|O",
    "|S8", "<U4", "|V8", "<M8[s]", "nonsense", "", "<f99",
)  # fmt: skip
_KEYS: Final = re.compile(rb"(?:[A-Za-z_]\0){4,40}\0\0")
_MAP_NAMES: Final = re.compile(rb"(?:ImageDataSeq\||Image\w+LV|CustomData)[^!]{0,40}!")
_NUMBERS: Final = (0, 1, 2, 3, 7, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


def change_json(content: bytes, rng: Rng) -> bytes:
    """Put an odd value somewhere into a JSON file."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return content
    return json.dumps(_changed(tree, rng), indent=1).encode("utf-8", "surrogatepass")


def change_yaml(content: bytes, rng: Rng) -> bytes:
    """Put an odd value somewhere into a YAML file."""
    try:
        tree = yaml.safe_load(content)
        return yaml.safe_dump(_changed(tree, rng), allow_unicode=True).encode()
    except Exception:
        return content


def change_npy(content: bytes, rng: Rng) -> bytes:
    """Have the header of an NPY file say something else of the same data."""
    array = _array(content)
    if array is None:
        return content
    header = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": bool(rng.integers(2)),
        "shape": array.shape,
    }
    choice = int(rng.integers(3))
    if choice == 0:
        header["shape"] = _ODD_SHAPES[int(rng.integers(len(_ODD_SHAPES)))]
    elif choice == 1:
        header["descr"] = _ODD_TYPES[int(rng.integers(len(_ODD_TYPES)))]
    else:
        header[str(rng.choice(list(header)))] = _one_of(ODD_VALUES, rng)
    return _npy_header(header) + array.tobytes()


def change_stack(content: bytes, rng: Rng) -> bytes:
    """Put other values into an NPY file of the same size."""
    array = _array(content)
    if array is None:
        return content
    if not array.nbytes:
        return content
    flat = np.atleast_1d(array.reshape(-1)).view(np.uint8).copy()
    n = int(rng.integers(1, flat.size + 1))
    flat[rng.integers(flat.size, size=n)] = rng.integers(256, size=n)
    saved = io.BytesIO()
    np.save(saved, flat.view(array.dtype).reshape(array.shape), allow_pickle=False)
    return saved.getvalue()


def change_npz(content: bytes, rng: Rng) -> bytes:
    """Put another array in place of one of an NPZ file, or leave it out."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    except Exception:
        return content
    if not arrays:
        return content
    name = str(rng.choice(sorted(arrays)))
    other = _one_of(_OTHER_ARRAYS, rng)(arrays.pop(name), rng)
    if other is not None:
        arrays[name] = other
    saved = io.BytesIO()
    np.savez(saved, **arrays)
    return saved.getvalue()


def change_nd2(content: bytes, rng: Rng) -> bytes:
    """Put an extreme number after the name of a metadata field, or into the map of chunks."""
    pattern = _KEYS if rng.integers(4) else _MAP_NAMES
    found = list(pattern.finditer(content))
    if not found:
        return content
    at = found[int(rng.integers(len(found)))].end() + int(rng.integers(2)) * 8
    width = int(rng.choice((1, 4, 8)))
    value = int(_one_of(_NUMBERS, rng)) % (1 << 8 * width)
    return content[:at] + value.to_bytes(width, "little") + content[at + width :]


_OTHER_ARRAYS: Final[tuple[Callable[[Any, Rng], Any], ...]] = (
    lambda array, rng: None,
    lambda array, rng: np.array([{"a": 1}], dtype=object),
    lambda array, rng: np.zeros(0, array.dtype),
    lambda array, rng: np.array(0.0),
    lambda array, rng: array.reshape(-1)[:1],
    lambda array, rng: np.repeat(array.reshape(-1), 2),
    lambda array, rng: array[None],
    lambda array, rng: array.astype(str),
    lambda array, rng: _with_extremes(array, rng),
    lambda array, rng: _with_extremes(array, rng),
    lambda array, rng: array.astype(np.float64) if array.dtype.kind in "iuf" else array[None],
    lambda array, rng: array.astype(np.int64) if array.dtype.kind in "iub" else array[None],
)


def _array(content: bytes) -> Any:
    """Read an NPY file; None where it is damaged already."""
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception:
        return None
    return array if isinstance(array, np.ndarray) else None


def _with_extremes(array: Any, rng: Rng) -> Any:
    changed = np.atleast_1d(array.copy())
    if changed.size and array.dtype.kind in "iuf":
        odd = (
            (np.nan, np.inf, -np.inf, 1e38, -1.0)
            if array.dtype.kind == "f"
            else (np.iinfo(array.dtype).max, np.iinfo(array.dtype).min, 0)
        )
        changed.reshape(-1)[int(rng.integers(changed.size))] = _one_of(odd, rng)
    return changed.reshape(array.shape)


def _changed(tree: Any, rng: Rng) -> Any:
    """Return the tree with one of its nodes changed."""
    places = list(_places(tree))
    if not places:
        return _one_of(ODD_VALUES, rng)
    parent, key = places[int(rng.integers(len(places)))]
    how = int(rng.integers(6))
    if how == 0:
        del parent[key]
    elif how == 1 and isinstance(parent, dict):
        parent[_odd_key(rng)] = parent.pop(key)
    elif how == 2:
        parent[key] = [parent[key]]
    else:
        parent[key] = _one_of(ODD_VALUES, rng)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    keys = (
        list(tree) if isinstance(tree, dict) else range(len(tree) if isinstance(tree, list) else 0)
    )
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


def _odd_key(rng: Rng) -> Any:
    return _one_of(("", "x", "-1", "1e3", "9" * 30, "../x", "fov", "0x1", "nan", "a\nb"), rng)


def _one_of(choices: Any, rng: Rng) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _npy_header(header: dict[str, Any]) -> bytes:
    text = f"{header!r}"
    padded = text + " " * (-(len(text) + 11) % 64) + "\n"
    return (
        b"\x93NUMPY\x01\x00"
        + len(padded).to_bytes(2, "little")[:2]
        + padded.encode("latin-1", "replace")
    )
