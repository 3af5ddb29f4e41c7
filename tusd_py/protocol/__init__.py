"""Words on the wire. Pure: no asyncio, aiohttp, time, random or logging; the same head always reads the same."""
