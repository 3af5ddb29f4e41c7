"""The report: docs/benchmarks.md and its plots, from the raw results."""
