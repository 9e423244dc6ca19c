"""Bytes in, bytes without secrets out. Pure; knows nothing of the product."""
