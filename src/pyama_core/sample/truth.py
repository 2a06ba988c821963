"""The ground truth beside a sample: what is in every pixel and every cell."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pyama_core.errors import ReadError
from pyama_core.sample.population import Lineage, lineage_of_presence


@dataclass(frozen=True)
class CellTruth:
    """The cells of one frame, by id.

    Attributes
    ----------
    area : (N + 1,) int64
        Pixels of each id so far; 0 where it is not seen.
    signal, level : (N + 1, C) float64
        All light of the cell, blurred, times the mean illumination; and light per pixel, counts.
    """

    area: NDArray[np.int64]
    signal: NDArray[np.float64]
    level: NDArray[np.float64]


@dataclass(frozen=True)
class SampleTruth:
    """What a sample experiment really holds. Channels here are the fluorescence ones.

    The image of fluorescence channel c is, before noise, ``camera_offset[c] + (medium[p, t, c] +
    light) * illumination[p, c]``, where light is the blurred light of the cells.

    Attributes
    ----------
    ids : (T, P, Y, X) uint16
        Tracked instances, ids from 1 in each FOV; 0 frames when the sample was made without.
    lineage : tuple of Lineage
        One for each FOV.
    signal : (P, N + 1, T, C) float64
        True total of each cell by id: all its blurred light within the field, also what blur
        carries over its outline, times the mean illumination of the FOV, counts; 0 where the
        cell is not seen.
    level : (P, N + 1, T, C) float64
        Each cell's expression curve: mean light per pixel of the cell, counts.
    area : (P, N + 1, T) int64
        Pixels of each cell.
    illumination : (P, C, Y, X) float32
        Relative illumination, 1 at its brightest.
    camera_offset : (C,) float64
        Counts without light.
    medium : (P, T, C) float64
        Light of the medium, counts where the illumination is 1.
    times_min : (P, T) float64
        Minutes of each frame since the first frame of the experiment.
    """

    ids: NDArray[np.uint16]
    lineage: tuple[Lineage, ...]
    signal: NDArray[np.float64]
    level: NDArray[np.float64]
    area: NDArray[np.int64]
    illumination: NDArray[np.float32]
    camera_offset: NDArray[np.float64]
    medium: NDArray[np.float64]
    times_min: NDArray[np.float64]

    def background(self, fov: int, frame: int, channel: int) -> NDArray[np.float64]:
        """Return the true background of a fluorescence image, (Y, X) counts."""
        light = self.medium[fov, frame, channel] * self.illumination[fov, channel]
        return np.asarray(self.camera_offset[channel] + light, np.float64)


class TruthFile:
    """Writes a truth frame by frame, so that the disk alone bounds its size."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=3)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    @contextmanager
    def ids(self, shape: tuple[int, ...]) -> Iterator[Callable[[NDArray[np.uint16]], None]]:
        """Give a function that appends the ids of one frame, in the order (T, P)."""
        with self._archive.open("ids.npy", "w", force_zip64=True) as stream:
            header = {"descr": "<u2", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)

            def append(ids: NDArray[np.uint16]) -> None:
                stream.write(ids.astype("<u2").tobytes())

            yield append

    def write(self, **arrays: NDArray[Any]) -> None:
        """Write whole arrays by name."""
        for name, array in arrays.items():
            with self._archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array)


def tables(
    records: Sequence[Sequence[CellTruth]], parents: Sequence[Sequence[int]]
) -> dict[str, NDArray[Any]]:
    """Lay the cells of all FOVs and frames out as arrays (P, N + 1, T, ...), padded with zeros.

    Parameters
    ----------
    records
        By FOV and frame; later frames know more ids.
    parents
        By FOV, the mother of each id.
    """
    n = max(len(of_fov) for of_fov in parents)
    return {
        "parents": np.stack([_padded(np.array(p, np.int64), n) for p in parents]),
        **{name: _table(records, name, n) for name in ("area", "signal", "level")},
    }


def _table(records: Sequence[Sequence[CellTruth]], name: str, n: int) -> NDArray[Any]:
    by_fov = [np.stack([_padded(getattr(r, name), n) for r in fov], axis=1) for fov in records]
    return np.stack(by_fov)


def _padded(rows: NDArray[Any], n: int) -> NDArray[Any]:
    return np.concatenate([rows, np.zeros((n - len(rows), *rows.shape[1:]), rows.dtype)])


def truth_path(path: Path | str) -> Path:
    """Return where the truth of a sample stands: ``<stem>_truth.npz`` beside it."""
    path = Path(path)
    return path if path.suffix == ".npz" else path.with_name(f"{path.stem}_truth.npz")


def load_truth(path: Path | str) -> SampleTruth:
    """Read the ground truth of a sample.

    Parameters
    ----------
    path
        The sample's ND2 file, or the truth itself.

    Raises
    ------
    FileNotFoundError
        There is no truth beside the file.
    ReadError
        The file is not the truth of a sample.
    """
    where = truth_path(path)
    if not where.exists():
        raise FileNotFoundError(f"No ground truth at {where}: only made samples have one.")
    try:
        with np.load(where) as stored:
            held = {name: stored[name] for name in stored.files}
        return _assembled(held)
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ReadError(f"{where} is not the ground truth of a sample: {error}.") from error


def _assembled(held: dict[str, NDArray[Any]]) -> SampleTruth:
    parents, area = held.pop("parents"), held["area"]
    lineage = tuple(
        lineage_of_presence(seen.T > 0, parent) for seen, parent in zip(area, parents, strict=True)
    )
    shared = held.pop("illumination")
    illumination = np.broadcast_to(shared, (len(area), *shared.shape))
    return SampleTruth(lineage=lineage, illumination=illumination, **held)
