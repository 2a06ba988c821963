"""The napari plugin: a thin skin over :mod:`pyama_core`."""
