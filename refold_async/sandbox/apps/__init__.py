"""The connected apps, as data.

Each ``*.toml`` here is one app: how Refold shows it, what objects it holds, and which actions it
has. An action names its ``kind``, a verb that `engine` knows, and the object it works on, so that a
further app or object is lines of data and no code.
"""

from refold_async.sandbox.apps.model import Action, App, ObjectType, Parameter, load_apps

__all__ = ["Action", "App", "ObjectType", "Parameter", "load_apps"]
