"""Finished objects over HTTP (RFC 9110). Pure: heads in, plans out; no bytes move here."""
