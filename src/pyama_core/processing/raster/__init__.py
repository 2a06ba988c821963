"""Masks and label images as packed bits and as run lengths."""
