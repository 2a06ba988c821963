"""Nikon ND2 files: read, and written for the sample and the tests."""
