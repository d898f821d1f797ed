"""What is to be looked at, in which order, when, and by how many at once."""
