"""A run's report: one self-contained file, HTML or JSON. Pure but for `write`: figures in, bytes out."""

from refold_async.reports.files import as_json, form_of, write
from refold_async.reports.page import as_html

__all__ = ["as_html", "as_json", "form_of", "write"]
