"""Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload): for requests of interop versions 3 to 8. Those that
name no version, or an unknown one, are served as those of the newest."""
