"""Authenticators (`ports.authenticator`), which make a principal of a request's credential, and the issuer of upload
tokens."""
