"""The example of docs/custom-feature.md, installed and run as a user would."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml

from pyama_core.errors import InputError
from pyama_core.processing.extraction import ExtractionParams, extract_stack, feature_names

PAGE = Path(__file__).parents[1] / "docs" / "custom-feature.md"


def code(language: str) -> str:
    """The one block of a language on the page."""
    [block] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    return block


def install(folder: Path, module: str, entry_points: dict[str, str]) -> None:
    """Put a module where Python finds it, with the metadata that an installer writes."""
    (folder / "my_features.py").write_text(module, encoding="utf-8")
    metadata = folder / "my_features-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-features\nVersion: 1.0\n")
    lines = [f"{name} = {place}" for name, place in entry_points.items()]
    group = "[pyama_core.features]"
    (metadata / "entry_points.txt").write_text("\n".join([group, *lines]) + "\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads(code("toml"))["project"]
    install(tmp_path, code("python"), project["entry-points"]["pyama_core.features"])
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_features_of_an_installed_package_are_chosen_by_name() -> None:
    assert {"extent", "intensity_p90"} <= set(feature_names())
    params = ExtractionParams(**yaml.safe_load(code("yaml"))["extraction"])
    labels = np.zeros((2, 16, 16), np.uint16)
    labels[:, 2:6, 3:9] = 1
    labels[:, 5, 3:6] = 0
    image = np.random.default_rng(0).normal(100, 5, labels.shape).astype(np.float32)
    times = np.arange(2.0)
    tables = extract_stack(labels, {1: image, 2: image}, params, times=times, fov=0)
    assert tables[1]["extent"].tolist() == [21 / 24] * 2
    assert "intensity_p90" not in tables[1]
    expected = [np.percentile(image[t][labels[t] == 1], 90) for t in range(2)]
    np.testing.assert_allclose(tables[2]["intensity_p90"], expected, rtol=1e-6)


def test_an_entry_point_that_is_no_feature_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "", {"broken": "math:pi"})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r'"broken".*must be a Feature'):
        extract_stack(
            np.zeros((1, 16, 16), np.uint16),
            {},
            ExtractionParams.model_construct(features=("broken",), channel_features={}),
            times=np.zeros(1),
            fov=0,
        )
