"""The embedded synthetic experiment, with ground truth."""
