"""A typed module per app: what `refold codegen` writes.

`fetching` reads an app's actions, `samples` and `result_types` infer the types of their results, `rendering`
turns both into the text of a module, and `differences` compares two such texts.
"""
