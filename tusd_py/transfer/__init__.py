"""Bytes in motion: buffers, their budget, digests."""
