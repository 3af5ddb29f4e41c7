"""Jobs: work on finished uploads, done outside of requests."""
