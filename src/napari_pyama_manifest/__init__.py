"""Holds the installed copy of the top-level ``napari.yaml`` for npe2 to find."""
