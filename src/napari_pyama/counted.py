"""Numbers of things, in words."""


def counted(count: int, thing: str) -> str:
    """Return a number with the name of what is counted: ``1 cell``, ``2 cells``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
