"""The places that copies are written to."""
