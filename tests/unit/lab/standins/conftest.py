"""What the tests of MongoDB's stand-in share: one that listens."""

from tests.support.mongo import mongo_port

__all__ = ["mongo_port"]
