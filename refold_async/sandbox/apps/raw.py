"""``httprequest``: a raw call to the app's API, led to the action that stands behind that endpoint."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from refold_async.sandbox.apps.job import Job, ProblemError
from refold_async.sandbox.apps.model import Action, App


def method_of(params: Mapping[str, object]) -> str:
    """The HTTP method of a raw call; default GET."""
    return str(params.get("method") or "GET").upper()


def find_endpoint(app: App, params: Mapping[str, object]) -> tuple[Action, dict[str, object]] | None:
    """The action behind a raw call's method and URL, and the id that stands in the URL."""
    segments = _segments(urlsplit(str(params.get("url") or "")).path)
    for action in app.actions:
        method, _, template = action.http.partition(" ")
        if not template or method != method_of(params):
            continue
        found = _match(_segments(template), segments)
        if found is not None:
            return action, {action.id_parameter: found} if found else {}
    return None


def unwrap(job: Job) -> Job:
    """The job that a raw call amounts to; the app's own error where it amounts to none."""
    found = find_endpoint(job.app, job.params)
    if found is None:
        raise ProblemError("no_endpoint", f"Nothing at {method_of(job.params)} {job.text('url')}")
    action, from_url = found
    params = {
        **dict(parse_qsl(urlsplit(job.text("url")).query)),
        **job.mapping("query_params"),
        **job.shape.parameters(job.mapping("body")),
        **from_url,
    }
    absent = [name for name in action.required if params.get(name) in (None, "")]
    if absent:
        raise ProblemError("invalid", f"Missing: {', '.join(absent)}", action.object)
    return Job(job.app, action, params, job.table_of)


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def _match(template: list[str], segments: list[str]) -> str | None:
    """The text in the place of ``{id}``, empty where the template has none; ``None`` for no match."""
    if len(template) != len(segments):
        return None
    found = ""
    for expected, segment in zip(template, segments, strict=True):
        if expected == "{id}" and segment:
            found = unquote(segment)
        elif expected != segment:
            return None
    return found
