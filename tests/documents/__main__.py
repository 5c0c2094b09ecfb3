"""`python -m tests.documents` rewrites the page of all operations."""

from .operations import PATH, page

PATH.write_text(page(), encoding="utf-8")
