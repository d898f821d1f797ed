"""Rows as a pure function of what was read, the profile, and what only state.db knows."""
