"""Fields of view and frames as people write them: ``"0-4, 7"`` or ``"all"``."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice, pairwise
from typing import Final

from pyama_core.errors import InputError

_NAMED: Final = 5
"""How many fields of view a phrase names, and of the frames or ranges of each."""

_PART: Final = re.compile(r"(\d{1,15})(?:\s*[-\u2010-\u2014\u2212]\s*(\d{1,15}))?", re.ASCII)
"""Word processors make another dash of a hyphen."""
_LARGEST: Final = 99_999
"""Far more FOVs than any microscope visits; a range is held as single numbers."""
_SHOWN_CHARACTERS: Final = 60
_PART_OF: Final = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})", re.ASCII)


def parse_fovs(text: str, n_fovs: int | None) -> list[int]:
    """Read a choice of fields of view.

    Parameters
    ----------
    text
        ``"all"``, or numbers and ranges separated by commas; ranges include both ends and
        counting starts at 0.
    n_fovs
        How many there are; None where that is for the caller to check, and "all" is no choice.

    Returns
    -------
    list of int
        Ascending, each once.

    Raises
    ------
    InputError
        The text is no such choice, a range runs backwards, or there is no such field of view.

    Examples
    --------
    >>> parse_fovs("0-2, 5", 6)
    [0, 1, 2, 5]
    """
    if n_fovs is not None and text.strip().lower() == "all":
        return list(range(n_fovs))
    ranges = [_parse_part(part.strip(), text) for part in text.split(",")]
    last = max(fovs[-1] for fovs in ranges)
    if n_fovs is not None and last >= n_fovs:
        raise InputError(f'FOV {last} in "{_shown(text)}" does not exist: {_allowed(n_fovs)}')
    if last > _LARGEST:
        raise InputError(
            f'FOV {last} in "{_shown(text)}" does not exist: numbers end at {_LARGEST}.'
        )
    return sorted(set().union(*ranges))


def format_fovs(fovs: Iterable[int]) -> str:
    """Write fields of view the shortest way that `parse_fovs` reads.

    Examples
    --------
    >>> format_fovs([0, 1, 2, 5])
    '0-2, 5'
    """
    ordered = sorted(set(fovs))
    gaps = [i for i, (a, b) in enumerate(pairwise(ordered), start=1) if b > a + 1]
    ranges = [ordered[a:b] for a, b in pairwise([0, *gaps, len(ordered)]) if a < b]
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in ranges)


def part_of(fovs: Sequence[int], text: str) -> list[int]:
    """Return one of several parts of fields of view, as nearly the same size as can be.

    Parameters
    ----------
    text
        ``"I/N"``, for the I-th of N parts, counted from 1; there may be more parts than FOVs.

    Raises
    ------
    InputError
        The text is no such part.

    Examples
    --------
    >>> [part_of(range(5), f"{i}/3") for i in (1, 2, 3)]
    [[0], [1, 2], [3, 4]]
    """
    match = _PART_OF.fullmatch(text.strip())
    part, n_parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= part <= n_parts:
        raise InputError(
            f'"{text}" is no part of the FOVs: write I/N with I from 1 to N, such as 1/10 for the '
            "first of ten parts."
        )
    first, end = ((i * len(fovs)) // n_parts for i in (part - 1, part))
    return list(fovs[first:end])


def list_frames(frames: Mapping[int, Collection[int]]) -> str:
    """Write frames of several fields of view as a phrase, only the first where there are many.

    Examples
    --------
    >>> list_frames({0: [3], 2: range(20, 200)})
    'FOV 0: frame 3; FOV 2: frame 20-199'
    """
    listed = [
        f"FOV {fov}: frame {_shortened(of_fov)}" for fov, of_fov in islice(frames.items(), _NAMED)
    ]
    return "; ".join(listed) + ("; ..." if len(frames) > _NAMED else "")


def _shortened(frames: Collection[int]) -> str:
    parts = format_fovs(frames).split(", ")
    n_left = len(frames) - sum(len(_parse_part(part, part)) for part in parts[:_NAMED])
    return ", ".join(parts[:_NAMED]) + (f" and {n_left} more" if n_left else "")


def _parse_part(part: str, text: str) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise InputError(
            f'"{_shown(text)}" is no choice of FOVs: write "all", or numbers and ranges such as '
            '"0-4, 7".'
        )
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise InputError(f'The range "{part}" of FOVs runs backwards: write {last}-{first}.')
    return range(first, last + 1)


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _allowed(n_fovs: int) -> str:
    return f"there are {n_fovs}, numbered 0 to {n_fovs - 1}." if n_fovs else "there are none."
