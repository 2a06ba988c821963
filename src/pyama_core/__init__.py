"""Single-cell fluorescence traces from multi-position time lapses: the headless library."""

from importlib.metadata import version

__version__ = version("napari-pyama")
