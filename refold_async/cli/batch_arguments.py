"""The arguments of `refold batch`, and the calls they describe."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import click

from refold_async._core.operation import Effect
from refold_async.batch import BatchOptions, Call, Journal
from refold_async.cli.arguments import read_params
from refold_async.cli.input_rows import AccountsFile, Form
from refold_async.cli.progress import ProgressDisplay, ProgressForm
from refold_async.cli.settle_arguments import SettleArguments
from refold_async.row_files import FileFormat
from refold_async.settings import RateLimit


class BatchArguments(SettleArguments, frozen=True, kw_only=True):
    """The command line of `refold batch`."""

    slug: str
    action: str
    path: str
    form: Form | None
    account_column: str
    key_column: str | None
    delimiter: str | None
    encoding: str | None
    pairs: tuple[str, ...]
    text: str | None
    effect: Effect | None
    concurrency: int
    per_account: int | RateLimit | None
    journal: str | None
    job: str | None
    retry_unknown: bool
    out: str | None
    out_format: FileFormat | None
    reports: tuple[str, ...]
    progress: ProgressForm
    stop_on_failure: bool
    stop_at_failure_share: float | None
    dry: bool
    yes: bool

    def check_files(self) -> None:
        """Raise if two options name the same file, which would overwrite it, or both read stdin.

        Raises:
            click.UsageError: If two options name the same file or stdin, or `--out` is not what its format
                needs.
        """
        if self.text == "-" and self.path in {"-", "/dev/stdin"}:
            raise click.UsageError("--accounts and --params cannot both read stdin")
        named = {"--accounts": self.path, "--journal": self.journal, "--out": self.out}
        named |= {f"--report {path}": path for path in self.reports}
        files = {option: Path(path).resolve() for option, path in named.items() if path and path != "-"}
        for (option, path), (other, its_path) in itertools.combinations(files.items(), 2):
            if path == its_path:
                raise click.UsageError(f"{option} and {other} are the same file, {named[option]}")
        self._check_out()

    def _check_out(self) -> None:
        out, form = self.out, self.out_format
        if out is None or out == "-":
            if form is not None:
                raise click.UsageError(f"--out-format {form} writes a folder of files: pass --out DIR")
            return
        if form is None and Path(out).is_dir():
            raise click.UsageError(f"--out {out} is a folder: pass --out-format, e.g. jsonl")
        if form is not None and Path(out).exists() and not Path(out).is_dir():
            raise click.UsageError(f"--out {out} is a file: --out-format {form} needs a folder")

    def accounts(self) -> AccountsFile:
        """Return the rows to run; enter it to check them.

        Raises:
            click.UsageError: If the file cannot be opened.
        """
        return AccountsFile(
            self.path,
            self.form,
            account_column=self.account_column,
            key_column=self.key_column,
            delimiter=self.delimiter,
            encoding=self.encoding,
        )

    def options(self, display: ProgressDisplay) -> BatchOptions:
        """Return the batch's settings."""
        return {
            "concurrency": self.concurrency,
            "per_account": self.per_account,
            "on_failure": "stop" if self.stop_on_failure else "collect",
            "stop_at_failure_share": self.stop_at_failure_share,
            "journal": self._journal(),
            "settle": self.settle(),
            "on_progress": display,
        }

    def _journal(self) -> Journal | None:
        if self.journal is None:
            return None
        job = f"{self.slug}/{self.action}" if self.job is None else self.job
        return Journal(self.journal, job=job, retry_unknown=self.retry_unknown)


class BatchCalls:
    """The calls of a batch, created from its rows as they are read.

    Raises:
        click.UsageError: If an option names a parameter that no call has.
    """

    def __init__(self, args: BatchArguments, accounts: AccountsFile) -> None:
        self._args = args
        self._accounts = accounts
        self._common = read_params(args.text, args.pairs)
        if len(accounts):
            args.check_parameters({*self._common, *accounts.parameters})

    def __len__(self) -> int:
        return len(self._accounts)

    def __iter__(self) -> Iterator[Call]:
        args = self._args
        for row in self._accounts:
            params = {**self._common, **row.params}
            yield Call(row.linked_account_id, args.slug, args.action, params, key=row.key, effect=args.effect)
