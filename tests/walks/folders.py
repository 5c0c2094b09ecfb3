"""Reads what a pull wrote, by its manifest."""

import csv
import gzip
import json
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any


def manifest(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return read


def rows_in(folder: Path, run: int | None = None) -> Counter[tuple[str, str]]:
    """Return how often each record of each customer is in the files of a run, by default the last."""
    told = manifest(folder)
    run = told["run"] if run is None else run
    rows: Counter[tuple[str, str]] = Counter()
    for file in told["files"]:
        if file["run"] == run:
            found = read_part(folder / file["name"])
            assert len(found) == file["rows"]
            rows.update((row["linked_account_id"], row["id"]) for row in found)
    return rows


def read_part(path: Path) -> list[dict[str, Any]]:
    if path.name.endswith(".parquet"):
        table: list[dict[str, Any]] = import_module("pyarrow.parquet").read_table(path).to_pylist()
        return table
    if path.name.endswith(".csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    data = path.read_bytes()
    text = gzip.decompress(data) if path.name.endswith(".gz") else data
    rows = map(json.loads, text.splitlines())
    return [{"linked_account_id": row["linked_account_id"], **row["record"]} for row in rows]
