"""``strongroom restore``: put a backup back into an empty data folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import structlog

from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.keyfile import PRIVATE
from strongroom.audit.ledger.loss import lost_keys
from strongroom.audit.ledger.verify import Trust
from strongroom.audit.merkle import Malformed, VerifierKey
from strongroom.audit.pipeline.render import escape
from strongroom.backup.model import Doubtful, Machine, Restored, Wishes
from strongroom.backup.outside import Elsewhere
from strongroom.backup.restoring import Restoration
from strongroom.backup.target import Target
from strongroom.bootstrap import OWN_CATALOGUE, SCHEMAS, signing
from strongroom.cli import data_options, main
from strongroom.cli.backup import bars
from strongroom.errors import Corrupt
from strongroom.settings import Settings, load
from strongroom.store import Store
from strongroom.version import __version__


def _keys(_context: object, _option: object, given: Sequence[str]) -> list[VerifierKey]:
    try:
        return [VerifierKey.parse(text.strip()) for text in given]
    except Malformed as error:
        raise click.BadParameter(str(error)) from None


@main.command("restore")
@data_options
@click.argument("backup", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--against",
    "places",
    multiple=True,
    metavar="FILE|FOLDER|URL",
    help="Where a later checkpoint may be, or the old data folder; may be given again.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    callback=_keys,
    metavar="VKEY",
    help="Trust this verifier key instead of what is found; may be given again.",
)
@click.option("--accept-loss", is_flag=True, help="Though later records are known, or may be.")
@click.option("--accept-damage", is_flag=True, help="Though not everything in it holds.")
@click.option("--keep-tokens", is_flag=True, help="Let API tokens go on to be valid.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def restore_(
    *,
    backup: Path,
    places: Sequence[str],
    keys: Sequence[VerifierKey],
    accept_loss: bool,
    accept_damage: bool,
    keep_tokens: bool,
    as_json: bool,
    **flags: object,
) -> None:
    """Put the backup in the folder BACKUP back into an empty data folder.

    Every file is compared with the backup's manifest, and everything is verified. If a later
    checkpoint is known in a place of checkpoint_copies, beside the signing key or in a place given
    with --against, records would be lost, and nothing is put back without --accept-loss.

    Exits with 1 when the backup does not hold, or would lose records.
    """
    settings = load(**flags)
    target, machine, elsewhere = _where(settings, places)
    wishes = Wishes(keys, accept_loss, accept_damage, keep_tokens)
    with structlog.contextvars.bound_contextvars(by="command line"):
        try:
            with bars(quiet=as_json) as show:
                done = Restoration(backup, target, machine, elsewhere, wishes, progress=show).run()
        except (Corrupt, Doubtful) as error:
            click.secho(f"Refused: {escape(str(error))}", err=True, fg="red")
            sys.exit(1)
    if as_json:
        click.echo(json.dumps(_as_json(done, target)))
    else:
        _tell(done, target)


def _where(settings: Settings, places: Sequence[str]) -> tuple[Target, Machine, Elsewhere]:
    store = Store(settings.database_url)  # for its path alone
    how, data = signing(settings), settings.data.absolute()
    has_file = not how.key.startswith(PRIVATE)
    key_path = how.key_path(store)
    own = how.find_key(store)
    trust = Trust.of_machine(own, lost_keys(key_path)) if own is not None else None
    within = has_file and key_path.absolute().parent == data
    target = Target(
        data,
        store.path.absolute(),
        settings.objects_folder,
        key_path.absolute() if within else None,
    )
    anchor = how.anchor_path(store)
    machine = Machine(SCHEMAS, _audit, trust, anchor)
    return target, machine, Elsewhere(places, how.copies, [anchor])


def _audit(store: Store) -> AuditLog:
    return AuditLog(
        store=store,
        viewer=None,
        catalogue=OWN_CATALOGUE,
        signing=None,
        name="strongroom",
        version=__version__,
    )


def _as_json(done: Restored, target: Target) -> dict[str, object]:
    facts, later = done.facts, done.facts.known.later
    return {
        "data": str(target.data),
        "made_at": facts.manifest.made_at,
        "records": facts.here.records,
        "files": len(facts.manifest.entries),
        "bytes": facts.manifest.total_bytes,
        "signed": facts.signed,
        "trust": done.report.trust,
        "holds": done.report.holds,
        "failure": done.report.failure,
        "lost_records": later[0].size - facts.here.records if later else 0,
        "unasked": list(facts.known.unasked),
        "compared": len(facts.known.earlier) + len(later),
        "left_out": list(done.left_out),
        "sessions_ended": done.ended.sessions,
        "tokens_ended": done.ended.tokens,
    }


def _tell(done: Restored, target: Target) -> None:
    facts, known = done.facts, done.facts.known
    click.echo(
        f"{target.data}: the state of {facts.manifest.made_at}, {facts.here.records:,} audit records, "
        f"{len(facts.manifest.entries):,} files. Signatures were checked against {done.report.trust}."
    )
    notes = []
    if known.later:
        lost = known.later[0].size - facts.here.records
        notes.append(
            f"{lost:,} later records are lost, and this is recorded (ledger_rolled_back). Places that "
            "hold their checkpoint contradict this ledger, rightly, and take no copy: name other "
            "places in checkpoint_copies."
        )
    if known.is_nothing:
        notes.append("no checkpoint held elsewhere was compared, so a newer state may have been.")
    if not facts.signed:
        notes.append("the backup is not signed: whoever could write there can have added accounts.")
    notes += [f"left out, since it is not what it was: {name}" for name in done.left_out[:20]]
    if not done.report.holds:
        notes.append(f"not everything holds: {done.report.failure}")
    for note in notes:
        click.secho(f"Note: {escape(note)}", fg="yellow")
    click.echo(
        f"Sessions ended: {done.ended.sessions:,}, API tokens: {done.ended.tokens:,}. Accounts, roles "
        "and passwords are as they were then: disable again whoever was disabled since."
    )
    if target.key is not None and not target.key.exists():
        click.echo(
            f"The signing key is not in the backup: put it at {target.key} (mode 600) before you start "
            "the server; if it is lost for good: strongroom ledger rotate --lost"
        )
