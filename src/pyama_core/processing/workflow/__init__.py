"""The workflow: copy, segment, correct, track, extract, for batches of FOVs in a process pool."""
