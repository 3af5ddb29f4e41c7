"""Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload): interop versions 3 to 8, and no version."""
