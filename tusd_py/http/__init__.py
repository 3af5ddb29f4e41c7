"""A thin layer over aiohttp that decides nothing: requests to heads, plans to responses, sockets to bytes."""
