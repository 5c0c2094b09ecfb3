"""Answers of every status that a client meets, under a good connection."""

from .answers import HTML, HTML_FIELD, JSON_FIELD, error_envelope, reply
from .fault import Fault
from .plays import answer
from .steps import Play, Request, Script, Send
from .verdicts import REDIRECTED, Verdict, permanent, transient

BODIES = {
    "envelope": ((JSON_FIELD,), error_envelope(0, "Something went wrong")),
    "html": ((HTML_FIELD,), HTML),
    "nothing": ((), b""),
}
TRANSIENT_5XX = (500, 502, 503, 504)


def _server_error(status: int, kind: str) -> Fault:
    fields, body = BODIES[kind]
    verdict = transient("ServerError") if status in TRANSIENT_5XX else permanent("ServerError")
    return Fault(
        id=f"{status}-{kind}", words=f"{status} with {kind}", play=answer(status, body, *fields), **verdict
    )


SERVER_ERRORS = tuple(_server_error(status, kind) for status in (500, 501, 502, 503, 504) for kind in BODIES)


def _refusal(status: int, message: str, error: str, **more: str) -> Fault:
    body = error_envelope(status, message, **more)
    name = "-".join(("", *more.values()))
    words = f"{status}: {message}"
    verdict = permanent(error, "rejected")
    return Fault(id=f"{status}{name}", words=words, play=answer(status, body, JSON_FIELD), **verdict)


REFUSALS = (
    _refusal(400, "Required parameter 'email' is missing", "BadRequestError"),
    _refusal(401, "Invalid Credentials", "AuthenticationError"),
    _refusal(401, "Connect the account again", "ReconnectRequiredError", error_code="reauth_required"),
    _refusal(403, "Workflow is private to another linked account", "PermissionDeniedError"),
    _refusal(404, "Action no_such_action not found in Application hubspot", "NotFoundError"),
    _refusal(405, "Method not allowed", "StatusError"),
    _refusal(409, "The record exists already", "ConflictError"),
    _refusal(410, "Gone", "StatusError"),
    _refusal(413, "Too large", "StatusError"),
    _refusal(422, "The e-mail is none", "UnprocessableError"),
    _refusal(451, "Unavailable for legal reasons", "StatusError"),
    Fault(
        id="404-html",
        words="404 with a proxy's HTML",
        play=answer(404, HTML, HTML_FIELD),
        **permanent("NotFoundError", "rejected"),
    ),
    Fault(
        id="403-nothing",
        words="403 with nothing",
        play=answer(403),
        **permanent("PermissionDeniedError", "rejected"),
    ),
    Fault(id="408", words="408 Request Timeout", play=answer(408), **transient("StatusError", "rejected")),
)


def _redirect(status: int, location: str) -> Play:
    def play(request: Request) -> Script:
        host, _, port = (request.header("host") or "").partition(":")
        target = location.format(path=request.path, port=port, host=host)
        return (Send(reply(status, b"", b"Location: " + target.encode())),)

    return play


def _elsewhere(status: int) -> Fault:
    words = f"{status} to another origin"
    return Fault(
        id=f"{status}-elsewhere",
        words=words,
        play=_redirect(status, "//localhost:{port}/taken"),
        **REDIRECTED,
    )


def _odd_redirect(name: str, words: str, play: Play, verdict: Verdict = REDIRECTED) -> Fault:
    return Fault(id=f"redirect-{name}", words=words, play=play, **verdict)


REDIRECTS = (
    *(_elsewhere(status) for status in (301, 302, 303, 307, 308)),
    _odd_redirect("itself", "307 to itself", _redirect(307, "{path}")),
    _odd_redirect("nowhere", "302 without Location", answer(302)),
    _odd_redirect("garbage", "302 to a Location that is none", _redirect(302, "http://[::")),
    _odd_redirect("not-modified", "304, which nobody asked for", answer(304)),
    _odd_redirect("choices", "300 Multiple Choices", answer(300)),
)

STATUSES = (*SERVER_ERRORS, *REFUSALS, *REDIRECTS)
