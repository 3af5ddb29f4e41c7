"""Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload): for requests of interop versions 3 to 8, and
for those without a version."""
