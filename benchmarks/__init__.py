"""What a call costs, shown side by side: `python -m benchmarks`."""
