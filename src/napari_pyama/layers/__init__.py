"""Layers: how images, results and tracks are shown in napari."""
