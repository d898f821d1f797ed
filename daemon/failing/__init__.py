"""What fails: since when, whose doing it is, and the remedy."""
