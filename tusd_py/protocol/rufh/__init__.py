"""Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload) on the wire: interop versions 3 to 8, and none."""
