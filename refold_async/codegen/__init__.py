"""A typed module per app: what `refold codegen` writes.

`fetching` reads an app's actions, `samples` and `answers` infer the types of what they answer, `rendering`
turns both into the text of a module, and `differences` compares two such texts.
"""
