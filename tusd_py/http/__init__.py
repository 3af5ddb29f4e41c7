"""The HTTP layer over aiohttp: it turns requests into heads for `protocol`, plans of the domain into responses, and
sockets into bytes. It decides nothing about uploads."""
