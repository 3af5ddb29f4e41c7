"""The adapter that stores uploads as files in a directory."""
