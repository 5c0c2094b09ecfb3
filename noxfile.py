"""Sessions for `nox`: each runs a step of `.ci/run`, which says what must hold."""

import nox

nox.options.sessions = ["tests", "lint", "types", "oldest"]


def _step(name: str) -> None:
    @nox.session(name=name, venv_backend="none")
    def session(session: nox.Session) -> None:
        session.run(".ci/run", name, external=True)


for _name in ("tests", "lint", "types", "oldest", "docs", "modes", "recipes", "instructions", "bench"):
    _step(_name)
