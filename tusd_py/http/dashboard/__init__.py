"""The dashboard: a page without script that changes while its response runs."""
