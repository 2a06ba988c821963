"""Follow cells over time: links, divisions, lineage."""

from pyama_core.processing.tracking.events import Events, links
from pyama_core.processing.tracking.lineage import Lineage
from pyama_core.processing.tracking.movie import Movie
from pyama_core.processing.tracking.observing import observe
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.track import Tracker, Tracking, method_names, track_stack

__all__ = [
    "Events",
    "Lineage",
    "Movie",
    "Tracker",
    "Tracking",
    "TrackingParams",
    "links",
    "method_names",
    "observe",
    "track_stack",
]
