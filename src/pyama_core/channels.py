"""Channels as people give them: by index or by name."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from pyama_core.errors import InputError

_T = TypeVar("_T")

_MAX_INDEX_DIGITS: Final = 9
"""More digits are no index of a channel, and may be more than `int` reads."""


def find_channel(
    text: str, names: Sequence[str], n_channels: int | None = None, *, file: str = "the file"
) -> int:
    """Return the index of a channel given as text.

    A name is matched exactly first, then whatever its case and Unicode form; what is no name is
    taken as an index.

    Parameters
    ----------
    names
        Names of all channels, none where they are not known.
    n_channels
        How many there are; by default as many as names, and any number where there are none.
    file
        What has the channels, for messages.

    Raises
    ------
    InputError
        There is no such channel, several have that name, or the text is the name of one channel
        and the index of another; lists the channels.

    Examples
    --------
    >>> find_channel("488", ["BF", "488"])
    1
    >>> find_channel("0", ["BF", "488"])
    0
    """
    named, indexed = _named(text, names), _indexed(text, names, n_channels)
    if named is not None and indexed is not None and named != indexed:
        raise InputError(_two_meanings(text, named, indexed, names))
    for channel in (named, indexed):
        if channel is not None:
            return channel
    what = f"channel {int(text)}" if _is_index(text) else f"channel named {text!r}"
    raise InputError(f"There is no {what}: {file} has {list_channels(names, n_channels)}.")


def channel_text(channel: int, names: Sequence[str]) -> int | str:
    """Return how to give a channel so that `find_channel` finds it: its index, else its name.

    Examples
    --------
    >>> channel_text(1, ["BF", "GFP"]), channel_text(1, ["1", "GFP"])
    (1, 'GFP')
    """
    if _leads_to(channel, str(channel), names) or not _leads_to(channel, names[channel], names):
        return channel
    return names[channel]


def by_channel_index(
    values: Mapping[int | str, _T] | Mapping[str, _T],
    names: Sequence[str],
    n_channels: int | None = None,
    *,
    parameter: str,
) -> dict[int, _T]:
    """Return values given for some channels by the channels' indices.

    Raises
    ------
    InputError
        A channel is not there, or has two values; names the parameter.
    """
    found: dict[int, _T] = {}
    for key, value in values.items():
        try:
            channel = find_channel(str(key), names, n_channels)
        except InputError as error:
            said = str(error)
            raise InputError(f"{parameter}: {said[0].lower()}{said[1:]}") from None
        if channel in found:
            raise InputError(
                f"{parameter} names channel {channel} twice, by index and by name: give it once."
            )
        found[channel] = value
    return found


def split_channels(text: str, names: Sequence[str]) -> list[str]:
    """Return the channels of a list such as ``1,2``; a name may hold a comma.

    Raises
    ------
    InputError
        The text is the name of one channel and a list of others.

    Examples
    --------
    >>> split_channels("GFP, 2", ["BF", "GFP", "RFP"])
    ['GFP', '2']
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1 or not _is_channel(text, names):
        return parts
    if all(_is_channel(part, names) for part in parts):
        raise InputError(
            f'Channel "{text}" has two meanings: one channel has this name, and '
            f"{' and '.join(parts)} are channels, too; give each channel by its index."
        )
    return [text]


def list_channels(names: Sequence[str], n_channels: int | None = None) -> str:
    """Return indices and names of all channels as a phrase.

    Examples
    --------
    >>> list_channels(["BF", "GFP"])
    'channels 0 (BF), 1 (GFP)'
    """
    listed = [f"{index} ({name})" for index, name in enumerate(names)]
    listed += map(str, range(len(names), n_channels or 0))
    return f"channels {', '.join(listed)}"


def _is_channel(text: str, names: Sequence[str]) -> bool:
    try:
        find_channel(text, names)
    except InputError:
        return False
    return True


def _named(text: str, names: Sequence[str]) -> int | None:
    exact = [index for index, name in enumerate(names) if name == text]
    folded = [index for index, name in enumerate(names) if _folded(name) == _folded(text)]
    matches = exact or folded
    if len(matches) > 1:
        raise InputError(
            f"Several channels are named {text!r} among {list_channels(names)}; give the number "
            "instead."
        )
    return matches[0] if matches else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _indexed(text: str, names: Sequence[str], n_channels: int | None) -> int | None:
    size = n_channels or len(names)
    index = int(text) if _is_index(text) else None
    return None if index is None or (size and index >= size) else index


def _is_index(text: str) -> bool:
    return text.strip().isdecimal() and len(text.strip()) <= _MAX_INDEX_DIGITS


def _two_meanings(text: str, named: int, indexed: int, names: Sequence[str]) -> str:
    return (
        f'Channel "{text}" has two meanings: the channel of that name has the index {named}, and '
        f'the channel of that index is named "{names[indexed]}"; {_clearer(named, names)} for the '
        f"former, {_clearer(indexed, names)} for the latter."
    )


def _clearer(channel: int, names: Sequence[str]) -> str:
    text = channel_text(channel, names)
    if _leads_to(channel, str(text), names):
        return f'give "{text}"'
    return f"use Python, where the number {channel} is an index"


def _leads_to(channel: int, text: str, names: Sequence[str]) -> bool:
    """Whether a text means this channel and no other."""
    meanings = {index for index, name in enumerate(names) if _folded(name) == _folded(text)}
    indexed = _indexed(text, names, None)
    return meanings | ({indexed} if indexed is not None else set()) == {channel}
