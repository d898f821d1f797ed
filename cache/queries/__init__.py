"""Questions asked of `cache.db`, one file a subject. All of them only read."""
