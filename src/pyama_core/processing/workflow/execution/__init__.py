"""Running the jobs of many FOVs: scheduler, workers, executors, progress."""
