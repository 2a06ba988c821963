"""``make stress``: kills, damaged files, failing disks, races, lost clusters, hostile folders.

Every case is a value: part, seed and number decide all of it, so that any case can be replayed by
``python -m benchmarks.stress PART --seed SEED --only NUMBER``.
"""
