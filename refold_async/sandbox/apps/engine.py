"""Runs actions: one function per verb, over records described by data.

Nothing here awaits and nothing here knows HTTP. `run_verb` is one step of the event loop, so that its
caller can record the effect in the ledger in the same step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from refold_async.sandbox.apps import crud
from refold_async.sandbox.apps.action_run import ActionRun, AppAnswer, AppProblemError
from refold_async.sandbox.apps.model import App, AppAction
from refold_async.sandbox.apps.paging import list_pages
from refold_async.sandbox.apps.shapes import SHAPES, AppProblem, ProblemKind
from refold_async.sandbox.ledger import Effect

LONGEST_SLEEP = 3600.0
LARGEST_PAYLOAD = 64 * 1024 * 1024


def echo(run: ActionRun) -> AppAnswer:
    """Return the parameters."""
    return AppAnswer(dict(run.params))


def sleep(run: ActionRun) -> AppAnswer:
    """Return an answer that is delayed by `seconds`, by default 1."""
    seconds = run.number("seconds", 1.0, LONGEST_SLEEP)
    return AppAnswer({"slept": seconds}, delay=seconds)


def fail(run: ActionRun) -> AppAnswer:
    """Return the failure described by `node_status`, `http_status` and `message`."""
    return AppAnswer(
        {"message": run.text("message") or "Failed as asked"},
        ok=False,
        node_status=run.text("node_status") or "Errored",
        http_status=int(run.number("http_status", 400, 599)),
    )


def payload(run: ActionRun) -> AppAnswer:
    """Return a string of `bytes` characters, by default 1024."""
    return AppAnswer({"payload": "x" * int(run.number("bytes", 1024, LARGEST_PAYLOAD))})


def method_of(params: Mapping[str, object]) -> str:
    """Return the HTTP method of a raw request, by default GET."""
    return str(params.get("method") or "GET").upper()


def find_endpoint(app: App, params: Mapping[str, object]) -> tuple[AppAction, dict[str, object]] | None:
    """Return the action behind a raw request's method and URL, and the id in the URL."""
    segments = _segments(urlsplit(str(params.get("url") or "")).path)
    for action in app.actions:
        method, _, template = action.http.partition(" ")
        if not template or method != method_of(params):
            continue
        found = _match(_segments(template), segments)
        if found is not None:
            return action, {action.id_parameter: found} if found else {}
    return None


def unwrap(run: ActionRun) -> ActionRun:
    """Return the action run that a raw request stands for; an unknown endpoint is the app's own error."""
    found = find_endpoint(run.app, run.params)
    if found is None:
        raise AppProblemError("no_endpoint", f"Nothing at {method_of(run.params)} {run.text('url')}")
    action, from_url = found
    params = {
        **dict(parse_qsl(urlsplit(run.text("url")).query)),
        **run.mapping("query_params"),
        **run.shape.parameters(run.mapping("body")),
        **from_url,
    }
    absent = [name for name in action.required if params.get(name) in (None, "")]
    if absent:
        raise AppProblemError("invalid", f"Missing: {', '.join(absent)}", action.object)
    return ActionRun(run.app, action, params, run.table_of, run.paging_fault)


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def _match(template: list[str], segments: list[str]) -> str | None:
    """Return the text matched by `{id}`, empty if the template has none, or `None` if nothing matches."""
    if len(template) != len(segments):
        return None
    found = ""
    for expected, segment in zip(template, segments, strict=True):
        if expected == "{id}" and segment:
            found = unquote(segment)
        elif expected != segment:
            return None
    return found


VERBS: Mapping[str, Callable[[ActionRun], AppAnswer]] = {
    "list": crud.list_records,
    "pages": list_pages,
    "get": crud.get_record,
    "search": crud.search_records,
    "create": crud.create_record,
    "update": crud.update_record,
    "upsert": crud.upsert_record,
    "delete": crud.delete_record,
    "echo": echo,
    "sleep": sleep,
    "fail": fail,
    "payload": payload,
}


def run_verb(run: ActionRun) -> AppAnswer:
    """Run an action; a refusal by the app is an answer too, with `ok` false."""
    try:
        if run.action.kind != "http":
            return VERBS[run.action.kind](run)
        answer = run_verb(unwrap(run))
        return answer if answer.http_status else answer._replace(http_status=200)
    except AppProblemError as error:
        return errored(run.app, error.problem, str(error), error.object_name or run.action.object)


def errored(app: App, problem: ProblemKind, message: str, object_name: str = "") -> AppAnswer:
    """Return the app's own error, as Refold passes it on."""
    status, data = SHAPES[app.shape].error(AppProblem(problem, message, object_name))
    return AppAnswer(data, ok=False, node_status="Errored", http_status=status)


def effect_of(app: App, action: AppAction, params: Mapping[str, object]) -> Effect:
    """Return whether an action writes; for a raw request, whether the endpoint behind it does."""
    if action.kind != "http":
        return action.effect
    found = find_endpoint(app, params)
    if found is not None:
        return found[0].effect
    return "read" if method_of(params) in {"GET", "HEAD"} else "write"
