"""The places to which jobs of the kind `copy` write copies of uploads: a folder or a bucket."""
