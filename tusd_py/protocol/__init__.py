"""Wire formats: heads of requests are read into intents, results are written as replies.

Does no I/O, and reads no clock but the one that `Rufh`, the wire of Resumable Uploads for HTTP, is given: no asyncio,
aiohttp, time, random or logging. The same head is always read the same way.
"""
