"""What we keep: evidence as read, projections derived from it, and the questions asked of them."""
