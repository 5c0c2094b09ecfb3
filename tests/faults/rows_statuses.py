"""Error and redirect statuses on a good connection."""

from .answers import HTML, HTML_FIELD, JSON_FIELD, error_envelope, reply
from .expectations import REDIRECTED, Expectations, permanent, transient
from .fault import Fault
from .scenarios import answer
from .steps import Request, Scenario, Script, Send

BODIES = {
    "envelope": ((JSON_FIELD,), error_envelope(0, "Something went wrong")),
    "html": ((HTML_FIELD,), HTML),
    "nothing": ((), b""),
}
BODY_NAMES = {"envelope": "an error envelope", "html": "an HTML page", "nothing": "an empty body"}
TRANSIENT_5XX = (500, 502, 503, 504)


def _server_error(status: int, kind: str) -> Fault:
    fields, body = BODIES[kind]
    expectations = transient("ServerError") if status in TRANSIENT_5XX else permanent("ServerError")
    return Fault(
        id=f"{status}-{kind}",
        words=f"{status} with {BODY_NAMES[kind]}",
        scenario=answer(status, body, *fields),
        **expectations,
    )


SERVER_ERRORS = tuple(_server_error(status, kind) for status in (500, 501, 502, 503, 504) for kind in BODIES)


def _refusal(status: int, message: str, error: str, **more: str) -> Fault:
    body = error_envelope(status, message, **more)
    name = "-".join(("", *more.values()))
    words = f"{status}: {message}"
    expectations = permanent(error, "rejected")
    return Fault(id=f"{status}{name}", words=words, scenario=answer(status, body, JSON_FIELD), **expectations)


REFUSALS = (
    _refusal(400, "Required parameter 'email' is missing", "BadRequestError"),
    _refusal(401, "Invalid Credentials", "AuthenticationError"),
    _refusal(401, "Reconnect the account", "ReconnectRequiredError", error_code="reauth_required"),
    _refusal(403, "Workflow is private to another linked account", "PermissionDeniedError"),
    _refusal(404, "Action no_such_action not found in Application hubspot", "NotFoundError"),
    _refusal(405, "Method not allowed", "StatusError"),
    _refusal(409, "The record already exists", "ConflictError"),
    _refusal(410, "Gone", "StatusError"),
    _refusal(413, "Too large", "StatusError"),
    _refusal(422, "Invalid email", "UnprocessableError"),
    _refusal(451, "Unavailable for legal reasons", "StatusError"),
    Fault(
        id="404-html",
        words="404 with a proxy's HTML page",
        scenario=answer(404, HTML, HTML_FIELD),
        **permanent("NotFoundError", "rejected"),
    ),
    Fault(
        id="403-nothing",
        words="403 without a body",
        scenario=answer(403),
        **permanent("PermissionDeniedError", "rejected"),
    ),
    Fault(id="408", words="408 Request Timeout", scenario=answer(408), **transient("StatusError")),
    Fault(
        id="499",
        words="499, a gateway's for a closed request",
        scenario=answer(499),
        **permanent("StatusError"),
    ),
)


def _redirect(status: int, location: str) -> Scenario:
    def scenario(request: Request) -> Script:
        host, _, port = (request.header("host") or "").partition(":")
        target = location.format(path=request.path, port=port, host=host)
        return (Send(reply(status, b"", b"Location: " + target.encode())),)

    return scenario


def _elsewhere(status: int) -> Fault:
    words = f"{status} to another origin"
    return Fault(
        id=f"{status}-elsewhere",
        words=words,
        scenario=_redirect(status, "//localhost:{port}/taken"),
        **(permanent("RedirectError") if status == 303 else REDIRECTED),
    )


def _odd_redirect(
    name: str, words: str, scenario: Scenario, expectations: Expectations = REDIRECTED
) -> Fault:
    return Fault(id=f"redirect-{name}", words=words, scenario=scenario, **expectations)


REDIRECTS = (
    *(_elsewhere(status) for status in (301, 302, 303, 307, 308)),
    _odd_redirect("itself", "307 to itself", _redirect(307, "{path}")),
    _odd_redirect("nowhere", "302 without Location", answer(302)),
    _odd_redirect("garbage", "302 with an invalid Location", _redirect(302, "http://[::")),
    _odd_redirect("not-modified", "an unsolicited 304", answer(304)),
    _odd_redirect("choices", "300 Multiple Choices", answer(300)),
)

STATUSES = (*SERVER_ERRORS, *REFUSALS, *REDIRECTS)
