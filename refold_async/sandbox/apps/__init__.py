"""The connected apps, as data.

Each `*.toml` here is one app: how Refold shows it, what objects it holds, and which actions it
has. An action names its `kind`, a verb that `engine` knows, and the object it works on, so that a
further app or object is lines of data and no code.
"""

from __future__ import annotations

from refold_async.sandbox.apps.model import App, AppAction, AppParameter, ObjectType, load_apps

__all__ = ["App", "AppAction", "AppParameter", "ObjectType", "load_apps"]
