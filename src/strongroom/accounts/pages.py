"""Everybody's own account: password, sessions, tokens; works without JavaScript."""

from __future__ import annotations

from flask import Response, make_response, render_template, request, url_for

from strongroom.accounts import forms
from strongroom.accounts.access import server
from strongroom.accounts.entry import pages
from strongroom.accounts.forms import Problem, see_other, text
from strongroom.accounts.notices import own_notices, receipt_of_this
from strongroom.accounts.service import Token
from strongroom.errors import Refused
from strongroom.permissions import Access, Identity, Permission, identity_of, needs

__all__ = ["pages"]

_PASSWORD_FIELDS = {"credentials": "current", "password": "password", "again": "again"}
_TOKEN_FIELDS = {
    "name": "token_name",
    "token": "token_name",
    "scope": "scope",
    "scopes": "scope",
    "days": "days",
}


@pages.get("/account")
@needs(Access.SIGNED_IN)
def account() -> Response:
    """Who I am here, where I am signed in, and what signs in as me."""
    return _page()


@pages.post("/account/password")
@needs(Access.SIGNED_IN)
def change_password() -> Response:
    """Choose another password; all other sessions end."""
    try:
        server().accounts.change_password(_me(), text("current"), forms.new_password())
    except Refused as refusal:
        return _page(Problem.of(refusal, _PASSWORD_FIELDS))
    return _back()


@pages.post("/account/sessions/<session_id>/end")
@needs(Access.SIGNED_IN)
def end_session(session_id: str) -> Response:
    """Sign out one browser; it may be this one."""
    me = _me()
    server().accounts.end_session(me, session_id)
    return see_other(url_for("accounts.sign_in")) if session_id == me.session_id else _back()


@pages.post("/account/sessions/end-others")
@needs(Access.SIGNED_IN)
def end_others() -> Response:
    """Sign out everywhere but here."""
    me = _me()
    server().accounts.end_sessions(_user_id(me), but=me.session_id)
    return _back()


@pages.post("/account/tokens")
@needs(Access.SIGNED_IN)
def create_token() -> Response:
    """Make a token, and show it this once."""
    me = _me()
    try:
        scopes = forms.scopes()
        made = server().accounts.create_token(
            _user_id(me), text("token_name"), scopes, forms.days()
        )
    except Refused as refusal:
        return _page(Problem.of(refusal, _TOKEN_FIELDS))
    return _page(made=made)


@pages.post("/account/tokens/<token_id>/revoke")
@needs(Access.SIGNED_IN)
def revoke_token(token_id: str) -> Response:
    """End a token at once."""
    server().accounts.revoke_token(_user_id(_me()), token_id)
    return _back()


def _me() -> Identity:
    identity = identity_of(request)
    if identity is None:
        raise AssertionError("the gate lets in nobody who is not signed in")
    return identity


def _user_id(identity: Identity) -> str:
    if identity.user_id is None:
        raise AssertionError("a session without an account")
    return identity.user_id


def _back() -> Response:
    """See other: the page, which tells from the records what this request did."""
    return see_other(url_for("accounts.account", receipt=receipt_of_this()))


def _page(problem: Problem | None = None, made: tuple[Token, str] | None = None) -> Response:
    accounts, me = server().accounts, _me()
    page = render_template(
        "accounts/account.html",
        problem=problem,
        made=made,
        me=me,
        user=accounts.user(_user_id(me)),
        sessions=accounts.sessions(_user_id(me)),
        tokens=accounts.tokens(_user_id(me)),
        scopes=[scope for scope in Permission if scope in me.permissions],
        chosen=request.form,
        lifetimes=forms.LIFETIMES,
        lifetime=text("days") or forms.DEFAULT_LIFETIME,
        notices=own_notices(),
    )
    return make_response(page, problem.status if problem else 201 if made else 200)
