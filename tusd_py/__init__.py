"""tusd-py: a resumable-upload server that streams into S3."""

__version__ = "0.1.0"
