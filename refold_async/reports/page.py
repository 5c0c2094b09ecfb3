"""A run's report as an HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Final

from refold_async.reports.charts import bars
from refold_async.reports.figures import RunFigures

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def as_html(run: RunFigures) -> bytes:
    """Return a report as a page."""
    parts = [
        _tiles(run), "<main>",
        _over_time(run), _rate(run), _latency(run), _attempts(run), _failures(run), _reconnect(run),
        _slowest(run), _unknown(run), _skipped(run), "</main>",
    ]  # fmt: skip
    page = _PAGE.format(
        policy=_POLICY, title=escape(run.title), head=_head(run), body="\n".join(filter(None, parts)),
        style=_resource("page.css"), script=_resource("page.js"),
    )  # fmt: skip
    return page.encode("utf-8", "replace")


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
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
"""


def _resource(name: str) -> str:
    return (resources.files("refold_async.reports") / name).read_text(encoding="utf-8")


def _head(run: RunFigures) -> str:
    state = "" if run.ended else "still running; "
    early = f", stopped early: {_spaced(run.summary.stopped)}" if run.summary.stopped else ""
    return (
        f'<p class="muted">{state}written {run.written:%Y-%m-%d %H:%M:%S} UTC, '
        f"after {_seconds(run.summary.seconds)}{escape(early)}</p>"
    )


def _tiles(run: RunFigures) -> str:
    totals = run.summary
    facts: list[tuple[str, str]] = [
        ("done", f"{totals.done:,}"),
        ("failed", f"{totals.failed:,}"),
        ("skipped", f"{totals.skipped:,}"),
        ("attempts", f"{totals.attempts:,}"),
        ("calls a second", f"{totals.throughput:,.1f}"),
        ("p50", _seconds(totals.p50)),
        ("p99", _seconds(totals.p99)),
    ]
    more = {
        "under way": totals.under_way,
        "from the journal": totals.from_journal,
        "partial (207)": totals.partial,
        "to reconnect": run.reconnect_count,
    }
    facts += [(name, f"{number:,}") for name, number in more.items() if number]
    cells = "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in facts)
    return f'<dl class="tiles">{cells}</dl>'


def _over_time(run: RunFigures) -> str:
    names = {"done": "good", "failed": "bad", "skipped": "skipped"}
    series = [(kind, [float(getattr(each, name)) for each in run.periods]) for name, kind in names.items()]
    rows = [
        (_starts(run, index), each.done, each.failed, each.skipped, each.attempts, each.throttled)
        for index, each in enumerate(run.periods)
    ]
    labels = [f"{row[0]}: {row[1]:,} done, {row[2]:,} failed, {row[3]:,} skipped" for row in rows]
    chart = bars("Calls ended over time", series, labels=labels, ends=_ends(run))
    heads = ("from", "done", "failed", "skipped", "attempts", "429s")
    table = _table("over time", heads, rows)
    return _section(
        f"Outcomes over time, each {run.period_seconds:g} s",
        _key(names) + chart + _details(table), wide=True,
    )  # fmt: skip


def _rate(run: RunFigures) -> str:
    totals, width = run.summary, run.period_seconds
    limit = run.rate_limit or totals.learnt_rate
    labels = [
        f"{_starts(run, index)}: {each.attempts:,} attempts, {each.throttled:,} answered 429"
        for index, each in enumerate(run.periods)
    ]
    series = [
        ("plain", [(each.attempts - each.throttled) / width for each in run.periods]),
        ("warn", [each.throttled / width for each in run.periods]),
    ]
    name = "learnt limit" if run.rate_limit is None else "limit"
    line = None if limit is None else (f"{name} {limit:,.4g}/s", limit)
    chart = bars("Attempts a second, over time", series, labels=labels, ends=_ends(run), line=line)
    refused = sum(each.count for each in run.throttlings)
    words = [
        f"{totals.attempts / totals.seconds if totals.seconds else 0:,.1f} attempts a second on average",
        "no known limit" if limit is None else f"{name}: {limit:,.4g} a second",
        f"{refused:,} attempts answered 429",
        f"calls waited {_seconds(totals.rate_wait)} in all for the rate limit",
    ]
    if totals.key_paused:
        words.append(f"the key was paused for {_seconds(totals.key_paused)}")
    why = f"<p>Last wait: {escape(totals.waiting_for)}.</p>" if totals.waiting_for else ""
    rows = [(each.by, each.count, _seconds(each.longest)) for each in run.throttlings]
    table = _table("429s", ("429s by", "attempts", "longest Retry-After"), rows)
    key = _key({"attempts": "plain", "answered 429": "warn"})
    return _section("Rate", f"{key}{chart}<p>{'; '.join(words)}.</p>{why}{table}")


def _latency(run: RunFigures) -> str:
    totals = run.summary
    counts = [float(step.count) for step in run.latencies]
    labels = [f"up to {_seconds(step.up_to)}: {step.count:,} calls" for step in run.latencies]
    ends = (
        (_seconds(run.latencies[0].up_to), _seconds(run.latencies[-1].up_to)) if run.latencies else ("", "")
    )
    chart = bars("Calls by latency", [("plain", counts)], labels=labels, ends=ends)
    rows = [(_seconds(step.up_to), step.count) for step in run.latencies]
    words = (
        f"p50 {_seconds(totals.p50)}, p90 {_seconds(totals.p90)}, p99 {_seconds(totals.p99)}, "
        f"longest {_seconds(totals.longest)}; from the first attempt to the outcome, waits included."
    )
    table = _details(_table("latencies", ("up to", "calls"), rows))
    return _section("Latency", f"{chart}<p>{words}</p>{table}") if run.latencies else ""


def _attempts(run: RunFigures) -> str:
    rows = [("10 or more" if number == "10" else number, count) for number, count in run.attempts.items()]
    again = [(name, count) for name, count in run.failed_attempts.items()]
    table = _table("attempts", ("attempts", "calls"), rows)
    repeated = _table("made again", ("made again after", "attempts"), again)
    return _section("Attempts", table + repeated) if rows else ""


def _failures(run: RunFigures) -> str:
    rows = [
        (each.error, each.slug, each.count, each.fate, each.linked_account_id, each.action_id, each.message)
        for each in run.failures
    ]
    heads = ("class", "app", "calls", "fate", "e.g. account", "action", "message")
    return _section("Failures", _table("failures", heads, rows), wide=True) if rows else ""


def _reconnect(run: RunFigures) -> str:
    if not run.reconnect_count:
        return ""
    listed = run.summary.reconnect
    more = f"<p>The first {len(listed):,} are listed.</p>" if run.reconnect_count > len(listed) else ""
    table = _table("to reconnect", ("account", "app"), listed)
    hint = (
        "<p>Make a customer's link with <code>refold accounts reconnect ID</code>; none is in this file.</p>"
    )
    return _section(f"{run.reconnect_count:,} connections to reconnect", hint + more + table)


def _slowest(run: RunFigures) -> str:
    rows = [
        (
            each.linked_account_id,
            each.slug,
            each.action_id,
            _seconds(each.seconds),
            each.attempts,
            each.outcome,
        )
        for each in run.slowest
    ]
    heads = ("account", "app", "action", "longest call", "attempts", "outcome")
    return _section("Slowest customers", _table("slowest", heads, rows), wide=True) if rows else ""


def _unknown(run: RunFigures) -> str:
    totals = run.summary
    counts = {
        "fate unknown at the end": totals.fates.get("unknown", 0),
        "looked up and found": totals.settled,
        "looked up and absent": totals.absent,
        "looked up, unresolved": totals.unresolved,
    }
    fates = {
        f"failed, fate {_spaced(fate)}": count for fate, count in totals.fates.items() if fate != "unknown"
    }
    found = {name: count for name, count in (counts | fates).items() if count}
    return _section("Fates", _counts("fates", "calls", found)) if found else ""


def _skipped(run: RunFigures) -> str:
    reasons = {_spaced(reason): count for reason, count in run.summary.reasons.items()}
    return _section("Skipped", _counts("skipped", "reason", reasons)) if reasons else ""


def _counts(name: str, head: str, counts: Mapping[str, int]) -> str:
    return _table(name, (head, "number"), list(counts.items()))


def _section(title: str, inner: str, *, wide: bool = False) -> str:
    kind = ' class="wide"' if wide else ""
    return f"<section{kind}><h2>{escape(title)}</h2>{inner}</section>"


def _details(table: str) -> str:
    return f"<details><summary>Figures</summary>{table}</details>"


def _key(names: Mapping[str, str]) -> str:
    spans = "".join(f"<span><i class={kind}></i>{name}</span>" for name, kind in names.items())
    return f'<p class="key">{spans}</p>'


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


_NUMBER: Final = ' class="n"'


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td{_NUMBER} data-value="{value}">{value:,}</td>'
    if isinstance(value, _Seconds):
        return f'<td{_NUMBER} data-value="{value.exact:.6f}">{value}</td>'
    words = ' class="words"' if len(str(value)) > 40 else ""
    return f"<td{words}>{escape(str(value))}</td>"


class _Seconds(str):  # noqa: SLOT000 - it has a field
    """A duration in words that sorts by its value."""

    exact: float


def _seconds(value: float | None) -> str:
    if value is None:
        return "none"
    words = f"{value * 1000:,.1f} ms" if value < 1 else f"{value:,.2f} s"
    made = _Seconds(words)
    made.exact = value
    return made


def _starts(run: RunFigures, index: int) -> str:
    return _seconds(index * run.period_seconds)


def _ends(run: RunFigures) -> tuple[str, str]:
    return "0 s", _seconds(len(run.periods) * run.period_seconds)


def _spaced(words: object) -> str:
    return str(words).replace("_", " ")
