"""Sweeps: when they run, what signals a repository, and what lists of repositories say."""
