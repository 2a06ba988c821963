"""One trace per cell: what is measured of it, frame by frame, and whether it is good."""

from pyama_core.processing.extraction.extract import Extraction, Table, extract_stack
from pyama_core.processing.extraction.feature import Feature
from pyama_core.processing.extraction.features import feature, feature_names, feature_reference
from pyama_core.processing.extraction.params import ExtractionParams
from pyama_core.processing.extraction.regions import Regions
from pyama_core.processing.extraction.signal import Signal

__all__ = [
    "Extraction",
    "ExtractionParams",
    "Feature",
    "Regions",
    "Signal",
    "Table",
    "extract_stack",
    "feature",
    "feature_names",
    "feature_reference",
]
