"""Accounts of the simulated cloud, and the policy that says what each may do. Known-bad clouds swap the policy."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import Literal, Protocol

Action = Literal["store", "read", "delete", "erase", "connect", "publish", "subscribe"]


@dataclass(frozen=True)
class Account:
    """A person or device that the cloud knows; `guardian_of` names the accounts in whose place it may act."""

    name: str
    token: str
    password: str = ""
    guardian_of: frozenset[str] = frozenset()


class Policy(Protocol):
    """Decides every access. `account` is None for a stranger; `owner` is whose thing it is, "" when nobody's."""

    def allows(self, action: Action, account: Account | None, owner: str) -> bool: ...


class OwnerPolicy:
    """The right one: an account handles what belongs to it or to its wards; a stranger handles nothing."""

    def allows(self, action: Action, account: Account | None, owner: str) -> bool:
        if account is None:
            return False
        return action in ("store", "connect") or owner == account.name or owner in account.guardian_of


class Accounts:
    """All accounts, by name and by token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}

    def create(
        self, name: str, *, password: str = "", guardian_of: tuple[str, ...] = (), token: str | None = None
    ) -> Account:
        """Add an account; ValueError when the name is taken or cannot stand in a topic."""
        if not name or any(letter in name for letter in "/+# "):
            raise ValueError(f"not an account name: {name!r}")
        account = Account(name, token or secrets.token_urlsafe(24), password, frozenset(guardian_of))
        with self._lock:
            if name in self._accounts:
                raise ValueError(f"the account {name!r} exists")
            self._accounts[name] = account
        return account

    def remove(self, name: str) -> None:
        """Forget an account; its token is void at once."""
        with self._lock:
            self._accounts.pop(name, None)

    def get(self, name: str) -> Account | None:
        with self._lock:
            return self._accounts.get(name)

    def by_token(self, token: str) -> Account | None:
        """Return the account that `token` belongs to, in time that does not depend on the token."""
        with self._lock:
            known = list(self._accounts.values())
        return next((one for one in known if hmac.compare_digest(one.token.encode(), token.encode())), None)

    def sign_in(self, name: str, password: str) -> Account | None:
        """Return the account when the password is right; an account without a password cannot sign in."""
        account = self.get(name)
        if account is None or not account.password:
            return None
        return account if hmac.compare_digest(account.password.encode(), password.encode()) else None

    def names(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._accounts)

    def tokens(self) -> dict[str, str]:
        """Return the token of each account, for the bench."""
        with self._lock:
            return {account.name: account.token for account in self._accounts.values()}
