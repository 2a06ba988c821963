"""Follow cells over time: links, divisions, lineage."""

from pyama_core.processing.tracking.lineage import Lineage
from pyama_core.processing.tracking.params import TrackingParams
from pyama_core.processing.tracking.track import Tracking, track_stack

__all__ = ["Lineage", "Tracking", "TrackingParams", "track_stack"]
