"""aiohttp, thin: requests to heads, plans to responses, sockets to bytes. Decides nothing."""
