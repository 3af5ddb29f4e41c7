"""Downloads of finished objects over HTTP (RFC 9110): from a request's header fields to the plan of its response. Does
no I/O and reads no clock."""
