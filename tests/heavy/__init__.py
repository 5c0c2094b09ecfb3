"""Long runs: fuzzing, mutation testing, soak, writes under faults. Each is `python -m tests.heavy.NAME`."""
