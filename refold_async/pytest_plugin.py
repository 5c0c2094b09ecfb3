"""The pytest plugin by its name within the package.

pytest finds it by entry point. Where plugins are not loaded of themselves, ask for it with
`-p refold_async.pytest_plugin` or `pytest_plugins = ["refold_async.pytest_plugin"]`. Its fixtures are
in `pytest_refold_async`; `refold_async.testing` says what there is.
"""

pytest_plugins = ["pytest_refold_async"]
