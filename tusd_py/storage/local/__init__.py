"""Uploads as files in a directory."""
