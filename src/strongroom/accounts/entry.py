"""Signing in and out, and the one-time links; works without JavaScript."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for

from strongroom.accounts import forms, words
from strongroom.accounts.access import server
from strongroom.accounts.forms import Problem, see_other, text, where
from strongroom.accounts.local import landing, local_path
from strongroom.accounts.passwords import SHORTEST
from strongroom.accounts.service import Link, SignedIn
from strongroom.accounts.times import iso, time_text
from strongroom.audit.events.web import AccessDenied
from strongroom.errors import Refused
from strongroom.permissions import Access, Identity, Permission, identity_of, needs

pages = Blueprint(
    "accounts",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/accounts/static",
)

_FIELDS = {name: name for name in ("name", "password", "again")}


def shared() -> dict[str, Any]:
    """What the templates of accounts can use."""
    return {"words": words, "iso": iso, "time_text": time_text, "shortest": SHORTEST}


pages.context_processor(shared)


@pages.get("/sign-in")
@needs(Access.ANYBODY)
def sign_in() -> Response:
    """The form; whoever is in already goes on."""
    wanted = local_path(request.args.get("next", ""))
    identity = identity_of(request)
    if identity is not None:
        return see_other(_landing(identity, wanted))
    return _sign_in_page(wanted)


@pages.post("/sign-in")
@needs(Access.ANYBODY)
def come_in() -> Response:
    """Name and password for a session."""
    here = server()
    wanted = local_path(text("next"))
    try:
        signed = here.accounts.sign_in(
            text("name"), text("password"), where=where(), previous=_previous()
        )
    except Refused as refusal:
        return _sign_in_page(wanted, Problem.of(refusal, {"credentials": "password"}))
    return _welcome(signed, wanted)


@pages.post("/sign-out")
@needs(Access.ANYBODY)
def sign_out() -> Response:
    """End this session; whoever has none is out already."""
    here = server()
    identity = identity_of(request)
    if identity is not None and identity.session_id is not None:
        here.accounts.sign_out(identity)
    response = see_other(url_for("accounts.sign_in"))
    here.cookies.clear_session(response)
    return response


@pages.get("/setup")
@needs(Access.ANYBODY)
def setup() -> Response:
    """The form for the first administrator, for whoever can read the server's console."""
    return _link_page("setup")


@pages.post("/setup")
@needs(Access.ANYBODY)
def set_up() -> Response:
    """Create the first administrator, and let them in."""
    try:
        signed = server().accounts.set_up(
            _secret(), text("name"), forms.new_password(), where=where(), previous=_previous()
        )
    except Refused as refusal:
        return _link_refused("setup", refusal)
    return _welcome(signed, "/")


@pages.get("/password")
@needs(Access.ANYBODY)
def password() -> Response:
    """The form for a password, for whoever was given a one-time link."""
    return _link_page("password")


@pages.post("/password")
@needs(Access.ANYBODY)
def choose_password() -> Response:
    """Set the password of the link's account, and let its owner in."""
    try:
        signed = server().accounts.choose_password(
            _secret(), forms.new_password(), where=where(), previous=_previous()
        )
    except Refused as refusal:
        return _link_refused("password", refusal)
    return _welcome(signed, "/")


def _landing(identity: Identity, wanted: str) -> str:
    places = {
        Permission.FILES_READ: url_for("files.index"),
        Permission.LOGS_READ: url_for("viewer.list_records"),
        Permission.ACCOUNTS_MANAGE: url_for("admin.people"),
    }
    return landing(identity, wanted, places, url_for("accounts.account"))


def _welcome(signed: SignedIn, wanted: str) -> Response:
    response = see_other(_landing(signed.identity, wanted))
    server().cookies.set_session(response, signed.secret)
    return response


def _sign_in_page(wanted: str, problem: Problem | None = None) -> Response:
    page = render_template(
        "accounts/sign_in.html",
        problem=problem,
        next=wanted,
        name=text("name"),
        nobody=not server().accounts.users(),
    )
    return _answer(page, problem)


def _answer(page: str, problem: Problem | None) -> Response:
    response = make_response(page, problem.status if problem else 200)
    if problem and problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _previous() -> str | None:
    """The session that this browser has already: it ends with the new one."""
    return server().cookies.session_secret(request)


def _secret() -> str:
    """Of the one-time link. In the query, since queries are recorded nowhere."""
    return request.args.get("link", "")


def _link_page(kind: str, problem: Problem | None = None) -> Response:
    link = server().accounts.link(_secret())
    if link is None or link.kind != kind:
        if problem is None:  # else the act was refused, and has said so
            server().audit.log(AccessDenied(reason="link_not_valid", status=403))
        return make_response(render_template("accounts/dead_link.html", kind=kind), 403)
    return _answer(_link_form(link, problem), problem)


def _link_form(link: Link, problem: Problem | None) -> str:
    return render_template(
        f"accounts/{link.kind}.html",
        problem=problem,
        link=_secret(),
        user=link.user,
        name=text("name"),
    )


def _link_refused(kind: str, refusal: Refused) -> Response:
    if refusal.reason == "link_not_valid":
        return make_response(render_template("accounts/dead_link.html", kind=kind), 403)
    return _link_page(kind, Problem.of(refusal, _FIELDS))
