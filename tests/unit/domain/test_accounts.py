"""The names of accounts, by which uploads are charged and jobs are listed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tusd_py.domain.principal import NO_ACCOUNT, account_name, tenant_of

NAMES = st.text("ab-%/2DF5", min_size=1, max_size=8) | st.text(min_size=1, max_size=8)
OWNERS = st.tuples(NAMES, st.none() | NAMES)


@given(OWNERS, OWNERS)
@example(("acme/bob", None), ("bob", "acme"))
@example(("b/c", "a"), ("c", "a/b"))
@example(("-", None), ("%2D", None))
@example(("%2F", None), ("/", None))
def test_no_two_owners_share_an_account(first: tuple[str, str | None], second: tuple[str, str | None]) -> None:
    assert (account_name(*first) == account_name(*second)) is (first == second)


@given(OWNERS)
@example(("-", None))
@example(("-", "-"))
def test_an_account_names_its_tenant(owner: tuple[str, str | None]) -> None:
    assert account_name(*owner) != NO_ACCOUNT
    assert tenant_of(account_name(*owner)) == owner[1]


@pytest.mark.parametrize("account", [None, NO_ACCOUNT, "alice"])
def test_other_accounts_have_no_tenant(account: str | None) -> None:
    assert tenant_of(account) is None


@pytest.mark.parametrize(
    ("owner", "tenant", "account"),
    [
        ("alice", None, "alice"),
        ("auth0|5f7c@example.org", None, "auth0|5f7c@example.org"),
        ("alice", "acme", "acme/alice"),
        ("a/b%", "acme", "acme/a/b%"),
        ("alice", "a/b%", "a%2Fb%25/alice"),
        ("https://id/1", None, "https:%2F%2Fid%2F1"),
        ("-", None, "%2D"),
        ("-", "-", "-/-"),
    ],
)
def test_a_plain_name_stays_as_it_is(owner: str, tenant: str | None, account: str) -> None:
    assert account_name(owner, tenant) == account
