"""The dashboard: a page without scripts, which changes while it is open because the server goes on sending it."""
