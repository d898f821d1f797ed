"""Beginning: looking at a forge, proposing a configuration, and a profile from the files that are there."""
