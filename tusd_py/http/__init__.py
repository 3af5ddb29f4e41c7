"""The HTTP layer over aiohttp: it turns requests into heads that `protocol` reads, replies and plans of downloads into
responses, and received bytes into chunks of a body. It decides nothing about uploads."""
