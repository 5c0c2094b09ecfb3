"""Runs beside the suite: fuzzing, mutation, soak, faulted writes. Each is `python -m tests.heavy.NAME`."""
