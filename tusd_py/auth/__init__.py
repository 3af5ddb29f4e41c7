"""The makers of principals: each checks one kind of credential, behind `ports.authenticator`."""
