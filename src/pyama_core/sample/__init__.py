"""The embedded synthetic experiment, with ground truth."""

from pyama_core.sample.colony import ColonyParams, make_colony
from pyama_core.sample.experiment import SamplePlan, make_sample, render_fov
from pyama_core.sample.population import CellParams, Lineage
from pyama_core.sample.truth import SampleTruth, load_truth, truth_path

__all__ = [
    "CellParams",
    "ColonyParams",
    "Lineage",
    "SamplePlan",
    "SampleTruth",
    "load_truth",
    "make_colony",
    "make_sample",
    "render_fov",
    "truth_path",
]
