"""Files and free bytes on a local disk."""
