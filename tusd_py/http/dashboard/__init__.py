"""The dashboard: a page without scripts that the server goes on sending while it is open, and so changes."""
