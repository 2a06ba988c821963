"""Pixels to traces: the algorithms, and the workflow that runs them."""
