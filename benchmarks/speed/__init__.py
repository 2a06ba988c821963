"""What a run costs: CPU per step beside a plain statement and beside moving the bytes, memory."""
