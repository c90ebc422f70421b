"""convsweep beside other ways to search: `python -m benchmarks.peers`; the results are in docs/benchmarks.md."""
