"""``strongroom ledger``: checkpoint, keys, proofs and evidence bundles, without the server.

All but ``rotate`` read the database alone: the server may run meanwhile, and no private key is needed.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger import Ledger, Signed
from strongroom.audit.ledger.bundle import Bundled, write_bundle
from strongroom.audit.ledger.keyfile import PRIVATE
from strongroom.audit.ledger.rotate import replace_lost, rotate
from strongroom.audit.ledger.status import Assurance, counted, moment_text
from strongroom.audit.merkle import TlogProof
from strongroom.audit.query import Search
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.bootstrap import signing
from strongroom.cli import data_options, main
from strongroom.cli.log import PAGE, open_store
from strongroom.errors import Refused, SettingsError
from strongroom.settings import load
from strongroom.store import Store
from strongroom.version import __version__

BUNDLE: Final = Path("evidence.zip")
UNSIGNED: Final = (
    "nothing is signed yet. The server signs within a second of the first record; "
    "start it with strongroom serve"
)

_SEQ: Final = re.compile(r"[0-9]{1,18}")
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

output_option = click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@main.group()
def ledger() -> None:
    """Signed checkpoints, proofs and evidence."""


@ledger.command()
@data_options
@output_option
@json_option
def checkpoint(output: Path | None, as_json: bool, **flags: object) -> None:
    """Print the newest checkpoint: what a copy held elsewhere is compared with.

    Who holds such a copy, and how old it is, is said on standard error.
    """
    store = open_store(dict(flags))
    places = signing(load(**flags)).copies
    signed, assurance = _newest(store), Assurance.load(store, places)
    told = {
        "origin": signed.note.text.partition("\n")[0],
        "size": signed.size,
        "root": b64encode(signed.root).decode(),
        "signed_at": moment_text(signed.signed_at),
        "note": signed.note.to_bytes().decode(),
        "copies": [
            {
                "place": copy.place,
                "size": copy.size,
                "copied_at": None if copy.copied_at is None else moment_text(copy.copied_at),
                "error": copy.error,
            }
            for copy in assurance.copies
        ],
        "assurance": assurance.sentence,
    }
    _give(signed.note.to_bytes(), told if as_json else None, output)
    click.echo(assurance.sentence, err=True)


@ledger.command()
@data_options
@output_option
@json_option
def vkey(output: Path | None, as_json: bool, **flags: object) -> None:
    """Print the verifier keys, the newest last: what checkpoints are verified with."""
    store = open_store(dict(flags))
    keys = Ledger(store).keys.all()
    if not keys:
        raise Refused("not_signed_yet", UNSIGNED, status=404)
    told = [{"verifier_key": str(key.verifier), "first_size": key.first_size} for key in keys]
    _give("".join(f"{key.verifier}\n" for key in keys).encode(), told if as_json else None, output)


@ledger.command()
@data_options
@click.argument("record", metavar="SEQ|ID")
@output_option
@json_option
def proof(record: str, output: Path | None, as_json: bool, **flags: object) -> None:
    """Print the proof that a record is in the ledger (C2SP tlog-proof).

    SEQ is its number in the audit stream, ID its id.
    """
    store = open_store(dict(flags))
    _newest(store)
    [seq] = _references(store, [record])
    made = Ledger(store).proof(seq)
    _give(made.to_bytes(), _told(made) if as_json else None, output)


@ledger.command()
@data_options
@click.argument("records", metavar="QUERY|SEQ...|ID...", nargs=-1, required=True)
@click.option("--time", default="", metavar="SPAN", help="15m, 1h, 24h, 7d or 30d; of a QUERY.")
@click.option("--from", default="", metavar="TIME", help="From this time on; of a QUERY.")
@click.option("--to", default="", metavar="TIME", help="Before this time; of a QUERY.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"File to write; without it {BUNDLE}, if there is none yet.",
)
@click.option(
    "--without",
    type=click.Choice(["content", "network"]),
    multiple=True,
    help="Leave names, paths and messages (content) or addresses (network) out.",
)
@json_option
def bundle(
    *,
    records: Sequence[str],
    output: Path | None,
    without: Sequence[str],
    as_json: bool,
    **options: str,
) -> None:
    """Write an evidence bundle: records, their contents as far as still held, and proofs.

    Records are named by number or id, or found with one QUERY in the viewer's language:
    strongroom ledger bundle 'event:file_deleted report.pdf'

    The zip holds instructions and a program to check it without Strongroom.
    """
    window = {name: options.pop(name) for name in ("time", "from", "to")}
    if output is None and BUNDLE.exists():
        raise click.UsageError(f"{BUNDLE} is there already; name another file with --output")
    store, places = open_store({**options}), signing(load(**options)).copies
    _newest(store)
    named = [item for item in records if _SEQ.fullmatch(item) or _ID.fullmatch(item)]
    if len(named) == len(records):
        seqs = _references(store, records)
    elif len(records) == 1:
        seqs = list(_found(store, records[0], window))
    else:
        raise click.UsageError("name records by number or id, or give one QUERY in quotes")
    if not seqs:
        raise Refused("record_not_found", "no record of the audit stream matches", status=404)
    done, digest = _write(store, seqs, output or BUNDLE, without, places)
    _tell(done, output or BUNDLE, digest, as_json=as_json)
    click.echo(Assurance.load(store, places).sentence, err=True)


@ledger.command("rotate")
@data_options
@click.option(
    "--lost",
    is_flag=True,
    help="The key is lost for good: go on with one that nothing vouches for.",
)
@json_option
def rotate_(as_json: bool, lost: bool, **flags: object) -> None:
    """Change the signing key, while the server is stopped.

    The old key signs a hand-over to the new one. Its file is kept as NAME.<key id>.old, readable by
    its owner alone; tell whoever verifies what the new verifier key is. With --lost there is no
    hand-over: whoever verifies must then name both keys.
    """
    settings = load(**flags)
    if settings.ledger_key.startswith(PRIVATE):
        raise SettingsError(
            "ledger_key: holds the key itself; put it into a file of mode 600, name that, "
            "and run this again"
        )
    store = open_store(dict(flags))
    audit = AuditLog(store=store, signing=None, name="strongroom", version=__version__)
    try:
        change = replace_lost if lost else rotate
        done = change(store, signing(settings).key_path(store), audit.log)
    finally:
        store.close()
    if as_json:
        kept = None if done.kept is None else str(done.kept)
        told = {"old": str(done.old), "new": str(done.new), "kept": kept}
        click.echo(json.dumps(told | {"size": done.size}))
        return
    if done.kept is None:
        click.echo(f"Verifiers need --key '{done.old}', and the new key as well:", err=True)
    else:
        click.echo(f"The old key is in {done.kept}. Verifiers need the new one:", err=True)
    click.echo(str(done.new))


def _newest(store: Store) -> Signed:
    newest = Ledger(store).newest()
    if newest is None:
        raise Refused("not_signed_yet", UNSIGNED, status=404)
    return newest


def _references(store: Store, named: Sequence[str]) -> list[int]:
    """The numbers of these records.

    :raises Refused: when one is not a record of the audit stream
    """
    search = Search(store)
    seqs = []
    for name in named:
        if _SEQ.fullmatch(name):
            seqs.append(int(name))
            continue
        record = search.record(name)
        if record is None:
            raise Refused("record_not_found", f"there is no record {name!a}", status=404)
        if record["stream"] != "audit":
            message = f"{name} is a record of the stream {record['stream']}: no evidence"
            raise Refused("record_not_evidence", message, status=404)
        seqs.append(record["seq"])
    return seqs


def _found(store: Store, query: str, window: dict[str, str]) -> Iterator[int]:
    """The numbers of the records of the audit stream that match."""
    try:
        wanted = ViewerRequest.read({"query": query, "stream": "audit", **window})
    except Refused as refusal:
        raise click.UsageError(refusal.message) from None
    if wanted.error is not None:
        raise click.UsageError(f"query, column {wanted.error.column}: {wanted.error.message}")
    search, cursor = Search(store, deadline=60), None
    while True:
        page = search.page(wanted.asked, wanted.window, cursor=cursor, limit=PAGE)
        yield from (record["seq"] for record in page.records)
        cursor = page.next
        if cursor is None:
            return


def _write(
    store: Store,
    seqs: Sequence[int],
    path: Path,
    without: Sequence[str],
    places: Sequence[str],
) -> tuple[Bundled, str]:
    """Write the bundle, whole or not at all; what is in it, and its SHA-256."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            done = write_bundle(store, seqs, file, without=without, places=places)
        with draft.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return done, digest


def _tell(done: Bundled, path: Path, digest: str, *, as_json: bool) -> None:
    if as_json:
        told = {"file": str(path), "records": len(done.seqs), "left_out": done.left_out}
        click.echo(json.dumps(told | {"size": done.signed.size, "sha256": digest}))
        return
    click.echo(f"{path}: {counted(len(done.seqs), 'record')}, SHA-256 {digest}")
    if done.left_out:
        click.echo(
            f"Left out, since not signed yet or not held any more: "
            f"{counted(len(done.left_out), 'record')}, {done.left_out[0]} among them.",
            err=True,
        )


def _told(made: TlogProof) -> dict[str, Any]:
    return {
        "index": made.index,
        "hashes": [b64encode(item).decode() for item in made.hashes],
        "checkpoint": made.checkpoint.to_bytes().decode(),
        "proof": made.to_bytes().decode(),
    }


def _give(content: bytes, told: object, output: Path | None) -> None:
    """Print or write it, as JSON where something is told."""
    text = content.decode() if told is None else json.dumps(told, indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_bytes(text.encode())
