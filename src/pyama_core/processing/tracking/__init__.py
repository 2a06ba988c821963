"""Follow cells over time: links, divisions, lineage."""

from pyama_core.processing.tracking.detections import Movie
from pyama_core.processing.tracking.hypotheses import Events, links
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.track import (
    Lineage,
    Tracker,
    Tracking,
    method_names,
    observe,
    track_stack,
)

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
