"""Wire formats: heads to intents, results to replies.

Pure: no asyncio, aiohttp, time, random or logging; the same head is always read the same way.
"""
