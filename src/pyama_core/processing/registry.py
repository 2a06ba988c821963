"""Methods by name: those shipped here, and those of installed packages."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pyama_core.errors import InputError


def plugins(group: str, builtin: Mapping[str, str] | None = None) -> dict[str, Callable[[], Any]]:
    """Find what may be chosen by name, without importing any of it.

    Parameters
    ----------
    group
        Entry-point group in which installed packages offer theirs, e.g. ``pyama_core.tracking``.
    builtin
        Names shipped here, each with its place as in an entry point: ``"package.module:object"``.
        A package cannot take over such a name.

    Returns
    -------
    dict
        A loader per name, in alphabetical order; calling it imports and gives the object.
    """
    own = [EntryPoint(name, place, group) for name, place in (builtin or {}).items()]
    found = {entry.name: entry.load for entry in [*entry_points(group=group), *own]}
    return dict(sorted(found.items()))


def load_plugin(group: str, name: str, builtin: Mapping[str, str] | None = None) -> Any:
    """Import what `name` stands for.

    Raises
    ------
    InputError
        If nothing has that name (says which exist), or it cannot be imported (says why).
    """
    own = (builtin or {}).get(name)
    loaders = {name: EntryPoint(name, own, group).load} if own else plugins(group, builtin)
    if name not in loaders:
        kind = group.removeprefix("pyama_core.")
        raise InputError(
            f"{kind}: there is no {name!r}; choose one of {', '.join(loaders)}, or install "
            "the package that offers it."
        )
    try:
        return loaders[name]()
    except (ImportError, AttributeError) as error:
        raise InputError(f"{group}: {name!r} cannot be loaded: {error}.") from error
