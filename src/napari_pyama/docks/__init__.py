"""The docks of the steps and of the complete workflow."""
