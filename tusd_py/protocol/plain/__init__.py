"""Uploads by plain HTTP, without an upload protocol: forms, PUT, and POST of bytes."""
