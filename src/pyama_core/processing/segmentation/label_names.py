"""Which image of a folder belongs to which frame, told by the numbers in the names."""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pyama_core.errors import InputError

SUFFIXES = (".npy", ".tif", ".tiff", ".png")
"""Kinds of files that label images may be, in lower case."""
_NUMBER = re.compile(r"[0-9]+")
_ONE_EACH = "give each frame one label image, numbered from 0 or from 1."


def label_images(folder: Path) -> list[Path]:
    """List the images in a folder; not the hidden files that systems leave beside them."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def images_by_frame(
    folder: Path, n_frames: int | None = None, missing: Collection[int] = ()
) -> dict[int, Path]:
    """Find the image of each frame, by the number that differs between the names.

    Parameters
    ----------
    folder
        Holds one image per frame, numbered from 0 or from 1.
    n_frames
        Frames that there are; None where that is not known.
    missing
        Frames that need no image.

    Raises
    ------
    InputError
        The names tell no frame, or their numbers do not fit the frames.
    """
    files = label_images(folder)
    if not files:
        raise InputError(f"{folder} holds no label images ({', '.join(SUFFIXES)}): {_ONE_EACH}")
    _check_one_kind(folder, files)
    columns = list(zip(*map(_numbers, files), strict=True))
    numbered = [column for column in columns if len(set(column)) == len(files)]
    if len(files) == 1 and (n_frames == 1 or not columns):
        numbered = [(0,)]
    if not numbered:
        raise InputError(_several_for_one(folder, files, columns))
    found = [
        {number - start: file for number, file in zip(column, files, strict=True)}
        for column in numbered
        for start in _starts(column, n_frames, missing)
    ]
    if n_frames is None:
        # A time may count up beside the frame, with gaps.
        found = [frames for frames in found if max(frames) == min(map(max, found))]
    if not found:
        raise InputError(_no_fit(folder, numbered[-1], n_frames, missing))
    if any(other != found[0] for other in found):
        raise InputError(
            f"The names in {folder}, such as {files[0].name}, can be numbered in several ways: "
            f"{_ONE_EACH}"
        )
    return found[0]


def _starts(
    numbers: Collection[int], n_frames: int | None, missing: Collection[int]
) -> Iterator[int]:
    """Yield each number, 0 or 1, from which these count the frames."""
    if n_frames is None:
        yield from {0, 1} & {min(numbers)}
        return
    for start in (0, 1):
        frames = {number - start for number in numbers}
        if set(range(n_frames)) - set(missing) <= frames <= set(range(n_frames)):
            yield start


def _check_one_kind(folder: Path, files: list[Path]) -> None:
    """See that the names are alike but for their numbers."""
    kinds = {_NUMBER.sub("0", file.stem.casefold()): file.name for file in files}
    if len(kinds) > 1:
        first, second = list(kinds.values())[:2]
        raise InputError(
            f"{folder} holds images of {len(kinds)} kinds, such as {first} and {second}: leave "
            "only the label images there, with names that differ by the number of the frame."
        )


def _numbers(file: Path) -> list[int]:
    return [int(digits) for digits in _NUMBER.findall(file.stem)]


def _several_for_one(folder: Path, files: list[Path], columns: list[tuple[int, ...]]) -> str:
    """Say that two images have the number that differs most, if any, in common."""
    if not columns:
        both = f"{files[0].name} and {files[1].name}"
        return f"{folder} holds {both}, whose names have no number: {_ONE_EACH}"
    numbers = max(columns, key=lambda column: len(set(column)))
    twice = next(number for number in numbers if numbers.count(number) > 1)
    same = [file.name for file, number in zip(files, numbers, strict=True) if number == twice]
    both = f"{same[0]} and {same[1]}"
    return f"{folder} holds more than one image numbered {twice}, {both}: {_ONE_EACH}"


def _no_fit(
    folder: Path, numbers: Iterable[int], n_frames: int | None, missing: Collection[int]
) -> str:
    """Say how the images are numbered and how many frames there are."""
    counted = sorted(numbers)
    lacking = sorted(set(range(counted[0], counted[-1] + 1)) - set(counted))
    there = f"{folder} holds {len(counted)} label images, numbered {counted[0]} to {counted[-1]}"
    if lacking:
        there += f" without {lacking[0]}"
    if n_frames is None:
        return f"{there}: {_ONE_EACH}"
    without = f", {len(missing)} of them missing in the file" if missing else ""
    return f"{there}, but there are {n_frames} frames{without}: {_ONE_EACH}"
