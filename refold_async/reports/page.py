"""A run's report as an HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib import resources
from typing import Any, Final

from msgspec.structs import astuple

from refold_async.batch.figures import RunFigures
from refold_async.batch.summary import stop_words
from refold_async.reports.charts import bars

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
{head}
</header>
{body}
<script>
{script}</script>
</body>
</html>
"""  # noqa: E501
_NUMBER: Final = ' class="n"'


def as_html(run: RunFigures) -> bytes:
    """Return a report as a page."""
    sections = (_over_time(run), _rate(run), _latency(run), *_tables(run))
    body = "\n".join(("<main>", _tiles(run), *filter(None, sections), "</main>"))
    page = _PAGE.format(
        title=escape(run.title), head=_head(run), body=body,
        style=_resource("page.css"), script=_resource("page.js"),
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def _resource(name: str) -> str:
    return (resources.files("refold_async.reports") / name).read_text(encoding="utf-8")


def _head(run: RunFigures) -> str:
    parts = [
        "" if run.run is None else f"run {run.run} of the journal",
        f"began {_moment(run.began)}",
        "" if run.ended else "killed" if run.killed else "still running",
        f"stopped early{stop_words(run.summary.stopped)}" if run.summary.stopped else "",
        f"figures as of {_moment(run.written)}, after {_duration(run.summary.seconds)}",
    ]
    return f'<p class="muted">{escape("; ".join(filter(None, parts)))}</p>'


def _tiles(run: RunFigures) -> str:
    totals = run.summary
    facts: dict[str, object] = {
        "done": totals.done,
        "failed": totals.failed,
        "skipped": totals.skipped,
        "attempts": totals.attempts,
        "calls a second": f"{totals.throughput:,.1f}",
        "p50": _duration(totals.p50),
        "p99": _duration(totals.p99),
        "under way": totals.under_way or None,
        "from the journal": totals.from_journal or None,
        "partial (207)": totals.partial or None,
        "to reconnect": run.reconnect_count or None,
    }
    cells = (
        f"<div><dt>{name}</dt><dd>{_text(fact)}</dd></div>"
        for name, fact in facts.items()
        if fact is not None
    )
    return f'<dl class="tiles">{"".join(cells)}</dl>'


def _over_time(run: RunFigures) -> str:
    names = {"done": "good", "failed": "bad", "skipped": "skipped"}
    series = [(kind, [float(getattr(each, name)) for each in run.periods]) for name, kind in names.items()]
    rows = [(index * run.period_seconds, *astuple(each)) for index, each in enumerate(run.periods)]
    labels = [
        f"{_duration(at)}: {done:,} done, {failed:,} failed, {skipped:,} skipped"
        for at, done, failed, skipped, *_ in rows
    ]
    chart = bars("Calls ended over time", series, labels=labels, ends=_ends(run))
    heads = ("from", "done", "failed", "skipped", "attempts", "429s")
    table = _details(_table("over time", heads, rows))
    return _section(
        f"Outcomes over time, each {run.period_seconds:g} s", _key(names), chart, table, wide=True
    )


def _rate(run: RunFigures) -> str:
    totals, width = run.summary, run.period_seconds
    limit = run.rate_limit or totals.learnt_rate
    name = "learnt limit" if run.rate_limit is None else "limit"
    labels = [
        f"{_duration(index * width)}: {each.attempts:,} attempts, {each.throttled:,} answered 429"
        for index, each in enumerate(run.periods)
    ]
    series = [
        ("plain", [(each.attempts - each.throttled) / width for each in run.periods]),
        ("warn", [each.throttled / width for each in run.periods]),
    ]
    line = None if limit is None else (f"{name} {limit:,.4g}/s", limit)
    words = [
        f"{totals.attempts / totals.seconds if totals.seconds else 0:,.1f} attempts a second on average",
        "no known limit" if limit is None else f"{name}: {limit:,.4g} a second",
        f"{sum(each.count for each in run.throttlings):,} attempts answered 429",
        f"calls waited {_duration(totals.rate_wait)} in all for the rate limit",
        f"the key was paused for {_duration(totals.key_paused)}" if totals.key_paused else "",
    ]
    return _section(
        "Rate",
        _key({"attempts": "plain", "answered 429": "warn"}),
        bars("Attempts a second, over time", series, labels=labels, ends=_ends(run), line=line),
        f"<p>{'; '.join(filter(None, words))}.</p>",
        f"<p>Last wait: {escape(totals.waiting_for)}.</p>" if totals.waiting_for else "",
        _table("429s", ("429s by", "attempts", "longest Retry-After"), map(astuple, run.throttlings)),
    )


def _latency(run: RunFigures) -> str:
    if not run.latencies:
        return ""
    totals, steps = run.summary, run.latencies
    labels = [f"up to {_duration(step.up_to)}: {step.count:,} calls" for step in steps]
    ends = (_duration(steps[0].up_to), _duration(steps[-1].up_to))
    words = (
        f"p50 {_duration(totals.p50)}, p90 {_duration(totals.p90)}, p99 {_duration(totals.p99)}, "
        f"longest {_duration(totals.longest)}; from the first attempt to the outcome, waits included."
    )
    return _section(
        "Latency",
        bars(
            "Calls by latency", [("plain", [float(step.count) for step in steps])], labels=labels, ends=ends
        ),
        f"<p>{words}</p>",
        _details(_table("latencies", ("up to", "calls"), map(astuple, steps))),
    )


def _tables(run: RunFigures) -> Iterable[str]:
    totals, listed = run.summary, len(run.summary.reconnect)
    heads: tuple[str, ...]
    attempts = {"10 or more" if number == "10" else number: count for number, count in run.attempts.items()}
    yield _section(
        "Attempts",
        _counts("attempts", ("attempts", "calls"), attempts),
        _counts("retried", ("retried after", "attempts"), run.failed_attempts),
    )
    heads = ("class", "app", "calls", "fate", "e.g. account", "action", "message")
    yield _section("Failures", _table("failures", heads, map(astuple, run.failures)), wide=True)
    if run.reconnect_count:
        yield _section(
            f"Connections to reconnect: {run.reconnect_count:,}",
            "<p>Create a customer's link with <code>refold accounts reconnect ID</code>.</p>",
            f"<p>The first {listed:,} are listed.</p>" if run.reconnect_count > listed else "",
            _table("to reconnect", ("account", "app"), totals.reconnect),
        )
    heads = ("account", "app", "action", "longest call", "attempts", "outcome")
    yield _section("Slowest customers", _table("slowest", heads, map(astuple, run.slowest)), wide=True)
    fates: dict[str, int] = {
        "fate unknown at the end": totals.fates.get("unknown", 0),
        "looked up and found": totals.settled,
        "looked up and absent": totals.absent,
        "looked up, unresolved": totals.unresolved,
    }
    fates |= {f"failed, fate {fate}": count for fate, count in totals.fates.items() if fate != "unknown"}
    yield _section("Fates", _counts("fates", ("calls", "number"), fates))
    yield _section("Skipped", _counts("skipped", ("reason", "number"), totals.reasons))
    heads = ("run", "began", "ended", "done", "failed", "skipped", "attempts")
    yield _section("Runs of the journal", _table("runs", heads, map(astuple, run.runs)), wide=True)
    yield _section("Calls of the journal", _counts("states", ("state", "calls"), run.calls))
    heads = ("shard", "state", "done", "failed", "unknown", "worker", "took")
    yield _section("Shards", _table("shards", heads, map(astuple, run.shards)), wide=True)


def _section(title: str, *parts: str, wide: bool = False) -> str:
    kind, inner = (' class="wide"' if wide else ""), "".join(parts)
    return f"<section{kind}><h2>{escape(title)}</h2>{inner}</section>" if inner else ""


def _details(table: str) -> str:
    return f"<details><summary>Figures</summary>{table}</details>" if table else ""


def _key(names: Mapping[str, str]) -> str:
    spans = "".join(f"<span><i class={kind}></i>{name}</span>" for name, kind in names.items())
    return f'<p class="key">{spans}</p>'


def _counts(name: str, heads: tuple[str, str], counts: Mapping[Any, int]) -> str:
    return _table(name, heads, [(_spaced(what), count) for what, count in counts.items() if count])


def _table(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        return ""
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    head = "".join(
        f'<th scope="col"{_NUMBER if _NUMBER in first else ""}>{escape(each)}</th>'
        for each, first in zip(heads, cells[0], strict=True)
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(name)}">'
        f'<table class="sorts" data-name="{escape(name)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    text = _text(value)
    if isinstance(value, int | float):
        return f'<td{_NUMBER} data-value="{value:.6f}">{text}</td>'
    return f"<td{' class=words' if len(text) > 40 else ''}>{text}</td>"


def _text(value: object) -> str:
    """Return a value of a cell: a float is a number of seconds."""
    match value:
        case int():
            return f"{value:,}"
        case float() | None:
            return _duration(value)
        case datetime():
            return _moment(value)
        case _:
            return escape(str(value))


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _ends(run: RunFigures) -> tuple[str, str]:
    return "0 s", _duration(len(run.periods) * run.period_seconds)


def _spaced(words: object) -> str:
    return str(words).replace("_", " ")
