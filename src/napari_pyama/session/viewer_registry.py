"""Objects of which every viewer has its own."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

Kept = TypeVar("Kept")


class PerViewer(Generic[Kept]):
    """Makes an object for a viewer when it is first asked for, and keeps it while that lives.

    Parameters
    ----------
    make
        Takes the viewer.
    """

    def __init__(self, make: Callable[[Any], Kept]) -> None:
        self._make = make
        self._kept: WeakKeyDictionary[Any, Kept] = WeakKeyDictionary()

    def __call__(self, viewer: Any) -> Kept:
        """Return the viewer's own; a viewer and napari's proxy of it have the same."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in self._kept:
            self._kept[viewer] = self._make(viewer)
        return self._kept[viewer]
