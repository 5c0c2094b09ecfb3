"""A run's report: one self-contained file, HTML or JSON. Pure but for `write`: figures in, bytes out."""

from refold_async.reports.figures import RunFigures, as_json, figures
from refold_async.reports.files import form_of, write
from refold_async.reports.page import as_html

__all__ = ["RunFigures", "as_html", "as_json", "figures", "form_of", "write"]
