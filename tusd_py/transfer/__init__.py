"""Transfer of bytes: buffers, the memory budget, digests."""
