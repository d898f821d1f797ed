"""Measurements, printed as tables: requests first, which repeat exactly, then seconds as ratios within one run."""
