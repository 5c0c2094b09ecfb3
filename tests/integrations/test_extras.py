"""The error of importing a module whose extra is not installed."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys
sys.modules[{blocked!r}] = None
try:
    import {module}
except ModuleNotFoundError as error:
    print(error.name)
    print(error)
    print(repr(error.__cause__))
"""

EXTRAS = [
    ("refold_async.integrations.fastapi", "fastapi", "fastapi"),
    ("refold_async.integrations.fastapi", "starlette", "fastapi"),
    ("refold_async.integrations.starlette", "starlette", "fastapi"),
    ("refold_async.integrations.starlette.problems", "starlette", "fastapi"),
    ("refold_async.integrations.otel", "opentelemetry", "otel"),
    ("refold_async.integrations.otel.spans", "opentelemetry", "otel"),
]


def lines(module: str, blocked: str) -> list[str]:
    code = BLOCKED.format(module=module, blocked=blocked)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(("module", "blocked", "extra"), EXTRAS)
def test_an_import_without_its_extra_says_what_to_install(module: str, blocked: str, extra: str) -> None:
    name, message, cause = lines(module, blocked)
    assert name.partition(".")[0] == blocked
    assert message.endswith(f"; run: pip install 'refold-async[{extra}]'")
    assert cause.startswith("ModuleNotFoundError(")


@pytest.mark.parametrize("module", ["refold_async.testing", "refold_async.sandbox"])
@pytest.mark.parametrize("blocked", ["pytest", "fastapi", "starlette", "click", "rich"])
def test_modules_without_extras_import_without_them(module: str, blocked: str) -> None:
    assert lines(module, blocked) == []
