"""``/admin``: people, their roles, who can do what, and blocked sign-ins; without JavaScript."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request, url_for

from strongroom.accounts import forms
from strongroom.accounts.access import server
from strongroom.accounts.entry import shared
from strongroom.accounts.forms import Problem, see_other, text
from strongroom.accounts.notices import own_notices, receipt_of_this
from strongroom.accounts.service import User
from strongroom.errors import Refused
from strongroom.permissions import Permission, Role, identity_of, needs

admin = Blueprint("admin", __name__, url_prefix="/admin")
admin.context_processor(shared)


@admin.get("/")
@needs(Permission.ACCOUNTS_MANAGE)
def people() -> Response:
    """Everybody, what each may do, and who is blocked."""
    return _people()


@admin.post("/users")
@needs(Permission.ACCOUNTS_MANAGE)
def add() -> Response:
    """Create an account, and show the link by which its owner chooses a password."""
    try:
        user, secret = server().accounts.add(text("name"), forms.role())
    except Refused as refusal:
        return _people(_problem(refusal))
    return _person(user.user_id, link=_link(secret))


@admin.get("/users/<user_id>")
@needs(Permission.ACCOUNTS_MANAGE)
def person(user_id: str) -> Response:
    """One account."""
    return _person(user_id)


@admin.post("/users/<user_id>")
@needs(Permission.ACCOUNTS_MANAGE)
def change(user_id: str) -> Response:
    """Another name or role."""
    try:
        server().accounts.change(user_id, name=text("name"), role=forms.role())
    except Refused as refusal:
        return _person(user_id, problem=_problem(refusal))
    return _back(user_id)


@admin.post("/users/<user_id>/disable")
@needs(Permission.ACCOUNTS_MANAGE)
def disable(user_id: str) -> Response:
    """Keep somebody out from now on."""
    try:
        server().accounts.disable(user_id)
    except Refused as refusal:
        return _person(user_id, problem=_problem(refusal))
    return _back(user_id)


@admin.post("/users/<user_id>/enable")
@needs(Permission.ACCOUNTS_MANAGE)
def enable(user_id: str) -> Response:
    """Let somebody in again."""
    server().accounts.enable(user_id)
    return _back(user_id)


@admin.post("/users/<user_id>/reset")
@needs(Permission.ACCOUNTS_MANAGE)
def reset(user_id: str) -> Response:
    """Make a one-time link to choose a new password, and show it this once."""
    try:
        secret = server().accounts.reset(user_id)
    except Refused as refusal:
        return _person(user_id, problem=_problem(refusal))
    return _person(user_id, link=_link(secret))


@admin.post("/users/<user_id>/sessions/end")
@needs(Permission.ACCOUNTS_MANAGE)
def end_sessions(user_id: str) -> Response:
    """Sign somebody out of every browser."""
    server().accounts.end_sessions(user_id, but=None)
    return _back(user_id)


@admin.post("/users/<user_id>/tokens/<token_id>/revoke")
@needs(Permission.ACCOUNTS_MANAGE)
def revoke_token(user_id: str, token_id: str) -> Response:
    """End one of somebody's tokens at once."""
    server().accounts.revoke_token(user_id, token_id)
    return _back(user_id)


@admin.post("/unblock")
@needs(Permission.ACCOUNTS_MANAGE)
def unblock() -> Response:
    """Lift the block on a name or an address."""
    server().accounts.unblock(text("subject"))
    return see_other(url_for("admin.people", receipt=receipt_of_this()))


def _problem(refusal: Refused) -> Problem:
    return Problem.of(refusal, {"name": "name", "role": "role", "last": "role"})


def _link(secret: str) -> str:
    """The whole address: it is handed to somebody else."""
    return url_for("accounts.password", link=secret, _external=True)


def _back(user_id: str) -> Response:
    return see_other(url_for("admin.person", user_id=user_id, receipt=receipt_of_this()))


def _people(problem: Problem | None = None) -> Response:
    accounts = server().accounts
    page = render_template(
        "accounts/people.html",
        problem=problem,
        overview=accounts.permissions_overview(),
        blocks=accounts.blocks(),
        notices=own_notices(),
        name=text("name"),
        role=text("role") or Role.MEMBER,
        roles=Role,
        permissions=Permission,
    )
    return make_response(page, problem.status if problem else 200)


def _person(user_id: str, *, problem: Problem | None = None, link: str = "") -> Response:
    accounts = server().accounts
    user = accounts.user(user_id)
    identity = identity_of(request)
    page = render_template(
        "accounts/person.html",
        problem=problem,
        user=user,
        link=link,
        myself=identity is not None and identity.user_id == user_id,
        last_admin=_is_last_admin(user),
        sessions=accounts.sessions(user_id),
        tokens=accounts.tokens(user_id),
        notices=own_notices(),
        name=text("name") or user.name,
        role=text("role") or user.role,
        roles=Role,
    )
    return make_response(page, problem.status if problem else 201 if link else 200)


def _is_last_admin(user: User) -> bool:
    """Whether nobody else could let anybody in; the service refuses what would end that."""
    if user.role is not Role.ADMIN or user.disabled:
        return False
    users = server().accounts.users()
    others = (u for u in users if u.role is Role.ADMIN and u != user)
    return not any(u.has_password and not u.disabled for u in others)
