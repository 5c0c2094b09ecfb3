"""`refold codegen SLUG --account ID`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from refold_async import Effect, Refold
from refold_async.cli.arguments import read_pairs
from refold_async.cli.client_command import client_command
from refold_async.cli.completion import complete_accounts, complete_slugs
from refold_async.cli.progress import ProgressDisplay, ProgressForm, progress_option
from refold_async.cli.terminal import Terminal, printable
from refold_async.codegen.differences import Facts, UnreadableModuleError, differences, read_module
from refold_async.codegen.fetching import fetch, learn
from refold_async.codegen.model import AppModel, Shape
from refold_async.codegen.names import NameTakenError, module_name
from refold_async.codegen.rendering import render
from refold_async.codegen.samples import read_samples


@click.command("codegen")
@click.argument("slug", shell_complete=complete_slugs)
@click.option(
    "--account",
    metavar="ID",
    shell_complete=complete_accounts,
    help="The linked account to read schemas for.",
)
@click.option(
    "--accounts", metavar="ID,ID", help="Several accounts: a parameter is required only if all require it."
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE|FOLDER", help="Default: this folder, by SLUG."
)
@click.option(
    "--samples",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    metavar="FILE|FOLDER",
    help="Recordings, or JSON named for actions, to infer the types of results from; repeatable.",
)
@click.option(
    "--learn", "learns", is_flag=True, help="Execute reads that need no parameter, for their results."
)
@click.option(
    "--name", "names", multiple=True, metavar="ID=NAME", help="Use another Python name; repeatable."
)
@click.option(
    "--effect",
    "effects",
    multiple=True,
    metavar="ID=EFFECT",
    help="Correct the effect of an action; repeatable.",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; print how FILE differs, and exit with 1 if it does."
)
@click.option("--diff", is_flag=True, help="Write nothing; print how FILE differs.")
@progress_option
@client_command
async def codegen(
    terminal: Terminal,
    refold: Refold,
    *,
    slug: str,
    account: str | None,
    accounts: str | None,
    out: Path | None,
    samples: Sequence[Path],
    learns: bool,
    names: Sequence[str],
    effects: Sequence[str],
    check: bool,
    diff: bool,
    progress: ProgressForm,
) -> None:
    """Write a typed module for the app SLUG.

    An action becomes a method with its parameters as keyword arguments; `--samples` and `--learn` type its
    result.
    """
    ids = _accounts(account, accounts)
    path = _path(out, slug)
    old = _read(path)
    chosen, known = _names(names), _effects(effects)

    def tell(line: str) -> None:
        click.echo(printable(line), err=True)

    shapes = _shapes(samples, slug)
    with ProgressDisplay(form=progress) as display:
        actions = await fetch(refold, slug, ids, known, tell=tell, count=display.count)
    if learns:
        with ProgressDisplay(form=progress) as display:
            async for action_id, data in learn(refold, slug, ids, actions, tell=tell, on_progress=display):
                shapes.setdefault(action_id, Shape()).add(data)
    shapes = {each.id: shapes[each.id] for each in actions if each.id in shapes}
    app = AppModel(slug=slug, actions=actions, shapes=shapes, names=chosen)
    text = _render(app, known)
    if check or diff:
        changes = (
            differences(old[1], read_module(text), results=bool(shapes)) if old else ["it does not exist"]
        )
        words = "\n".join(changes) or f"{path} is up to date"
        terminal.report({"path": str(path), "differences": changes}, words)
        raise click.exceptions.Exit(1 if check and changes else 0)
    changed = old is None or old[0] != text
    if changed:
        _write(path, text)
    if old and old[1].results and not shapes:
        tell(f"{path}: its results are no longer typed; pass --samples or --learn as before")
    facts = {"path": str(path), "actions": len(actions), "typed": len(shapes), "changed": changed}
    words = f"{len(actions)} actions, {len(shapes)} with typed results"
    terminal.report(facts, f"{'wrote' if changed else 'unchanged:'} {path}: {words}")


def _accounts(one: str | None, several: str | None) -> list[str]:
    ids = [*([one] if one else []), *(several or "").split(",")]
    ids = list(dict.fromkeys(each.strip() for each in ids if each.strip()))
    if not ids:
        raise click.UsageError("no account to read schemas for: pass --account ID, or --accounts ID,ID")
    return ids


def _path(out: Path | None, slug: str) -> Path:
    if out is not None and not out.is_dir():
        return out
    name = module_name(slug)
    if not name:
        raise click.UsageError(f"{slug!r} cannot be made a module name; pass --out FILE")
    return (out or Path()) / f"{name}.py"


def _read(path: Path) -> tuple[str, Facts] | None:
    """Return what is there, which is replaced only if it was generated too."""
    try:
        text = path.read_text(encoding="utf-8")
        return text, read_module(text)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError, UnreadableModuleError) as error:
        raise click.UsageError(
            f"{path} is not replaced: {error}; remove it, or choose another --out"
        ) from error


def _names(pairs: Sequence[str]) -> dict[str, str]:
    split = [pair.rpartition("=") for pair in pairs]  # an id may hold `=`, a name cannot
    if not all(key and name for key, _, name in split):
        raise click.BadParameter("must be ID=NAME or ID.PARAMETER=NAME", param_hint="--name")
    return {key: name for key, _, name in split}


def _effects(pairs: Sequence[str]) -> dict[str, Effect]:
    try:
        return msgspec.convert(read_pairs(pairs, "--effect"), dict[str, Effect])
    except msgspec.ValidationError as error:
        raise click.BadParameter("must be ID=read|idempotent|write", param_hint="--effect") from error


def _shapes(samples: Sequence[Path], slug: str) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for path in samples:
        try:
            for action_id, data in read_samples(path, slug):
                shapes.setdefault(action_id, Shape()).add(data)
        except (OSError, UnicodeError, msgspec.MsgspecError) as error:
            raise click.BadParameter(f"{path}: {error}", param_hint="--samples") from error
    return shapes


def _render(app: AppModel, effects: Mapping[str, Effect]) -> str:
    if unknown := effects.keys() - {each.id for each in app.actions}:
        raise click.BadParameter(f"{app.slug} has no action {min(unknown)!r}", param_hint="--effect")
    try:
        return render(app)
    except NameTakenError as error:
        raise click.UsageError(printable(str(error), lines=True)) from error


def _write(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees the old text or the new one."""
    path = path.resolve()  # a link stays one
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(text.encode())
        if path.exists():
            draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
