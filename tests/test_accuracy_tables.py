import benchmarks.accuracy.__main__ as accuracy
import pytest
from benchmarks.accuracy import Figure, named, table

from pyama_core.processing.segmentation import SegmentationParams


def test_a_table_holds_each_figure_with_its_unit_and_what_it_is_to_reach():
    rows = table([Figure("F1", 0.81234, ">= 0.5"), Figure("residual", -7.286, "", "counts")])
    assert rows.splitlines()[2:] == ["| F1 | 0.812 | >= 0.5 |", "| residual | -7.29 counts |  |"]


def test_chosen_parameters_are_named_and_defaults_are_not():
    params = SegmentationParams(split="distance", opening_iterations=1, min_size=130)
    assert named(params) == "opening_iterations=1, min_size=130, split=distance"


@pytest.fixture
def page(tmp_path, monkeypatch):
    page = tmp_path / "accuracy.md"
    page.write_text("# Accuracy\n\n## Figures\n\nold\n", encoding="utf-8")
    monkeypatch.setattr(accuracy, "PAGE", page)
    monkeypatch.setattr(accuracy, "PARTS", {"Tracking": lambda: [Figure("TRA", 0.98, ">= 0.97")]})
    return page


def test_figures_are_printed_and_the_page_left_alone(page, capsys):
    accuracy.main([])
    assert "| TRA | 0.98 | >= 0.97 |" in capsys.readouterr().out
    assert page.read_text(encoding="utf-8").endswith("old\n")


def test_figures_replace_those_on_the_page_when_asked(page):
    for _ in range(2):
        accuracy.main(["--write"])
        text = page.read_text(encoding="utf-8")
        assert text.startswith("# Accuracy\n\n## Figures\n\n### Tracking\n\n| figure |")
        assert text.endswith("| TRA | 0.98 | >= 0.97 |\n") and "old" not in text
