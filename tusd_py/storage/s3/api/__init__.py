"""Calls to S3: signed, sent, answered."""
