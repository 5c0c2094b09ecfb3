"""The guarantees of SECURITY.md, one by one."""
