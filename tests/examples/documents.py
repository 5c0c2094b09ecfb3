"""The OpenAPI documents of the FastAPI examples: `python -m tests.examples.documents` rewrites the stored ones."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from .processes import EXAMPLES

APPLICATIONS = ("fastapi_app", "fastapi_msgspec")
STORED = Path(__file__).parent / "openapi"
OWN = {"HTTPValidationError", "ValidationError"}
"""Schemas of FastAPI's own, which differ from release to release."""


def load(name: str) -> Any:
    """Return an example as a module."""
    spec = importlib.util.spec_from_file_location(f"examples.{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    # Registered, since annotations are evaluated in the module that the class names.
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def document(name: str) -> dict[str, Any]:
    """Return the OpenAPI document of an example, without what is FastAPI's own."""
    found: dict[str, Any] = load(name).app.openapi()
    schemas = found["components"]["schemas"]
    own = {name: schema for name, schema in schemas.items() if name not in OWN}
    return {**found, "components": {**found["components"], "schemas": own}}


def stored(name: str) -> Path:
    """Return where the document of an example is stored."""
    return STORED / f"{name}.json"


if __name__ == "__main__":
    STORED.mkdir(exist_ok=True)
    for each in APPLICATIONS:
        stored(each).write_text(json.dumps(document(each), indent=2, sort_keys=True) + "\n", "utf-8")
