"""What SECURITY.md promises, promise by promise."""
