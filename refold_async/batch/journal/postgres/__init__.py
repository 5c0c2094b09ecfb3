"""A journal in PostgreSQL, for workers on any machine: `store` under a lease, and `views` to read it.

It needs the extra `postgres`; nothing imports it unless a journal is the URL of a database.
"""
