"""Trials of a step on the FOV in view, without a dock."""

import threading

import numpy as np

from napari_pyama.background.previews import Request
from napari_pyama.background.test_run import run_trial
from napari_pyama.session.view import View
from pyama_core.io import ArraySource
from pyama_core.processing.workflow.params import WorkflowParams
from tests.plugin.sources import cells


def test_an_experiment_under_another_name_is_tried_anew(tmp_path):
    movie = cells()
    for name in ("before", "after"):
        source = ArraySource(movie, "PTYX", name=name, frame_times_min=np.arange(len(movie[0])))
        request = Request(view=View(source, 0, 0), recipe=WorkflowParams(), pc=0, fl=())
        run_trial(request, "segmentation", tmp_path, lambda event: None, threading.Event())
    assert len(list(tmp_path.rglob("*_seg_ch_0.npy"))) == 2
