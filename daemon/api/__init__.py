"""The read API: GET routes over the cache's queries and its change feed."""

from daemon.api.app import Api, build
from daemon.api.context import ApiContext
from daemon.api.news import News

__all__ = ["Api", "ApiContext", "News", "build"]
