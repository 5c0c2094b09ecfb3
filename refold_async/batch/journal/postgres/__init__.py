"""A journal in PostgreSQL, for workers on any machine: `session`, `schema`, `store` and `records`.

It needs the extra `postgres`; nothing imports it unless a journal is the URL of a database.
"""
