"""Uploads without a protocol for them: forms, PUT, and POST of bytes."""
