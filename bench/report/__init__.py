"""From raw results to docs/benchmarks.md and its plots."""
