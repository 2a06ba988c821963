"""The manifest: valid, complete, and the one that is installed."""

from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest
from napari._app_model.constants._menus import is_menu_contributable
from npe2 import PluginManifest

ROOT_MANIFEST = Path(__file__).resolve().parents[2] / "napari.yaml"


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(ROOT_MANIFEST)


def test_everything_it_names_can_be_imported(manifest):
    manifest.validate_imports()


def test_it_is_the_installed_one():
    (entry,) = entry_points(group="napari.manifest", name="napari-pyama")
    package, _, name = entry.value.partition(":")
    installed = files(package).joinpath(name).read_text(encoding="utf-8")
    assert installed == ROOT_MANIFEST.read_text(encoding="utf-8"), "reinstall: pip install -e ."


def test_every_menu_is_one_that_napari_has(manifest):
    assert all(is_menu_contributable(menu) for menu in manifest.contributions.menus)


def test_every_widget_stands_in_a_layers_menu(manifest):
    contributions = manifest.contributions
    in_menus = {item.command for items in contributions.menus.values() for item in items}
    assert in_menus == {widget.command for widget in contributions.widgets}


def test_the_preferences_have_defaults_for_every_setting(manifest):
    properties = manifest.contributions.configurations["run"].properties
    assert set(properties) == {"n_workers", "batch_size", "output_dir", "scheduler"}
    assert properties["n_workers"].default >= 1
