"""Files of rows: JSON lines, CSV and Parquet. Each is whole or absent.

`writers.py` writes rows into an open file, `parquet.py` does so for Parquet, and `rewriting.py` reads a few
fields of a file's rows, and copies a file without some of them. `manifests.py` names the files of a folder.
No event loop.
"""

from refold_async.row_files.writers import FileFormat, Row, row_writer, schema_of

__all__ = ["FileFormat", "Row", "row_writer", "schema_of"]
