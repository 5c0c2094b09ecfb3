"""One call, from its arguments to the socket and back. Private."""
