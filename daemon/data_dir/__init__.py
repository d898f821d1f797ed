"""The files of `data_dir`: what lies there at a start, what belongs together, and what becomes of it while running."""
