"""The console: pages for people, over the same queries as the read API."""
