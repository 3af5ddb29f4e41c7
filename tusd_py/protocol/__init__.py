"""Wire formats: heads of requests are read into intents, results are written as replies.

Does no I/O and reads no clock: no asyncio, aiohttp, time, random or logging. The same head is always read the same way.
"""
