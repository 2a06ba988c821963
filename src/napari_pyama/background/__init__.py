"""Work in threads: previews, test runs, training, complete runs."""
