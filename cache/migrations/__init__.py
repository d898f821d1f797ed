"""Migrations of both databases, `{cache,state}/versions/NNNN_name.py`, applied by `cache.store.migrating`."""
