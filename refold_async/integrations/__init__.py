"""Homes for the SDK in other libraries, each with an extra of its own; nothing here is imported unasked."""
