"""The read API: GET routes over the cache's queries and its change feed."""
