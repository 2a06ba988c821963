"""Single-cell fluorescence traces from multi-position time lapses: the headless library."""


def __getattr__(name: str) -> str:
    """Look the version up when it is asked for: the look-up would double the import time."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("napari-pyama")
