"""No step may compute something else from the same input under the same version."""

from pathlib import Path

import numpy as np
import pytest

from pyama_core.processing.correction import illumination
from pyama_core.processing.workflow.step_order import ordered_services
from tests import golden, golden_input
from tests.golden import differences, problem, results_of

SERVICES = {service.name: service for service in ordered_services()}


@pytest.fixture(scope="module")
def corrected():
    return results_of(SERVICES["correction"])


@pytest.mark.parametrize("name", SERVICES)
def test_results_are_those_of_the_version(name):
    said = problem(SERVICES[name], golden.read(), results_of(SERVICES[name]))
    assert not said, said


def test_every_step_is_kept():
    assert golden.read().keys() == golden.STEPS.keys() == SERVICES.keys()


def test_changed_results_ask_for_a_new_version(monkeypatch):
    monkeypatch.setattr(illumination, "_BIWEIGHT", 2.0)
    said = problem(SERVICES["correction"], golden.read(), results_of(SERVICES["correction"]))
    assert said.startswith("raise version of step correction: its results changed in defaults > ")


def test_a_new_version_asks_to_renew_the_file(monkeypatch, corrected):
    monkeypatch.setattr(type(SERVICES["correction"]), "version", 99)
    said = problem(SERVICES["correction"], golden.read(), corrected)
    assert said.startswith("The version of step correction is 99, tests/golden.json is of")


def test_results_that_are_not_kept_yet_ask_to_renew_the_file(corrected):
    said = problem(SERVICES["correction"], golden.read(), corrected | {"more": {"gain": [1.0]}})
    assert said.startswith("tests/golden.json lacks results of step correction")


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ({"a": [1.0, None], "b": "digest"}, []),
        ({"a": [1.00005, None], "b": "digest"}, []),
        ({"a": [1.01, None], "b": "digest"}, ["a"]),
        ({"a": [1.0, 1.0], "b": "digest"}, ["a"]),
        ({"a": [1.0], "b": "other"}, ["a", "b"]),
        ({"a": [1.0, None], "b": "digest", "c": 1}, []),
        ({"a": [1.0, None]}, ["b"]),
    ],
)
def test_results_may_differ_by_rounding_only(now, found):
    assert differences({"a": [1.0, None], "b": "digest"}, now) == found


def test_renewing_refuses_results_that_changed_without_their_version(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(golden, "FILE", tmp_path / "golden.json")
    monkeypatch.setattr(golden, "results_of", lambda service: {"all": {"value": [1.0]}})
    assert golden.renew() == 0
    before = Path(tmp_path / "golden.json").read_text()
    assert golden.renew() == 0
    monkeypatch.setattr(golden, "results_of", lambda service: {"all": {"value": [2.0]}})
    assert golden.renew() == 1
    assert capsys.readouterr().err.startswith("raise version of step copy")
    assert Path(tmp_path / "golden.json").read_text() == before
    for service in ordered_services():
        monkeypatch.setattr(type(service), "version", 99)
    assert golden.renew() == 0
    assert golden.read()["copy"] == {"version": 99, "results": {"all": {"value": [2.0]}}}


def test_the_input_is_the_same_everywhere():
    assert golden_input.noise((5,), 1).tolist() == [226, 145, 151, 29, 110]
    assert np.bincount(golden_input.noise((256, 256), 7).ravel()).max() < 350
    assert len(set(golden_input.phase().ravel().tolist())) > 200
