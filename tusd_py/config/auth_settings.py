"""The settings of authentication, rights and upload tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field, ValidationInfo, field_validator

from tusd_py.config import auth_kinds, kinds
from tusd_py.config.addresses import is_loopback, reachable_addresses
from tusd_py.config.event_settings import EventSettings


class AuthSettings(EventSettings):
    """The settings that say which client may do what. `auth` lists the ways to log in, and is defined after the
    settings that these ways need: the check of `auth` sees only settings defined before it.
    """

    auth_token_secret: auth_kinds.OptionalSecret = Field(
        default=None, description="Secret of upload tokens: any text of at least 32 bytes."
    )
    auth_keys_file: auth_kinds.OptionalPath = Field(
        default=None, description="File of API keys: a line name:sha256hex[:policy] for each."
    )
    auth_jwks_url: auth_kinds.OptionalKeySetUrl = Field(
        default=None, description="URL of the public keys (JWK Set) of the issuer of JSON Web Tokens."
    )
    auth_jwt_secret: auth_kinds.OptionalSecret = Field(
        default=None, description="Secret of JSON Web Tokens signed with HS256; at least 32 bytes."
    )
    auth_issuer: kinds.OptionalWord = Field(
        default=None, description="Issuer that a JSON Web Token must name (iss); any if none."
    )
    auth_audience: auth_kinds.Words = Field(
        default=(), description="Audience of which a JSON Web Token must name one (aud): A,B; needed with jwt."
    )
    auth_leeway: kinds.Duration = Field(
        default=30.0, description="Difference of the clocks of issuer and server that is allowed."
    )
    auth_owner_claim: auth_kinds.Word = Field(
        default="sub", description="Claim of a JSON Web Token that names the owner of uploads."
    )
    auth_tenant_claim: kinds.OptionalWord = Field(
        default=None, description="Claim of a JSON Web Token that names the owner's tenant."
    )
    auth_jwks_cache: kinds.PositiveDuration = Field(
        default=300.0, description="Age at which the JWK Set is fetched again."
    )
    auth_jwks_refresh: kinds.PositiveDuration = Field(
        default=30.0, description="Shortest time between two fetches of the JWK Set for an unknown key."
    )
    auth_url: auth_kinds.OptionalQuestionUrl = Field(
        default=None, description="URL of an authentication server that is asked about each request (forward)."
    )
    auth_cache: kinds.Duration = Field(
        default=0.0, description="How long a good answer of auth-url counts for requests with the same headers."
    )
    auth_timeout: kinds.PositiveDuration = Field(
        default=5.0, description="How long auth-url, or auth-jwks-url, may take to answer."
    )
    auth_user_header: auth_kinds.OptionalField = Field(
        default=None,
        description="Header that names the user, in that server's answer or in a proxy's request (proxy).",
    )
    auth: auth_kinds.Makers = Field(
        default=(),
        description="How clients log in, the first way that knows a credential decides: token, jwt, api-key, forward, "
        "proxy; none if empty.",
    )
    auth_uploads: auth_kinds.Ownership = Field(
        default=None,
        description="Uploads are continued by their URL (capability), or by their owner (owner). If none, capability "
        "with token or api-key, else owner.",
    )
    auth_head: auth_kinds.HeadRule = Field(
        default="open", description="HEAD by an upload's URL alone (open), or with a credential (required)."
    )
    require_auth: kinds.Switch = Field(
        default=False, description="Refuse to start without auth on an address that other machines can reach."
    )

    @field_validator("auth")
    @classmethod
    def _makers_have_what_they_need(cls, makers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for maker in makers:
            for settings in _NEEDED[maker]:
                if not any(info.data.get(setting, True) for setting in settings):
                    names = " or ".join(setting.replace("_", "-") for setting in settings)
                    raise ValueError(f"expected {names} to be set with {maker}")
        return makers

    @field_validator("require_auth")
    @classmethod
    def _auth_is_there(cls, on: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        hosts = () if info.data.get("unix_socket") else info.data.get("host", ())
        public = [host for host in hosts if not is_loopback(host)]
        if on and public and not info.data.get("auth", True):
            raise ValueError(f"expected auth to be set: other machines can reach {', '.join(public)}")
        return on

    @property
    def continues_by_url(self) -> bool:
        """True if the URL of an upload is enough to continue it, with no credential of its owner. Only for servers with
        `auth`: without it the URL is always enough."""
        by_default = not {"token", "api-key"}.isdisjoint(self.auth)
        return by_default if self.auth_uploads is None else self.auth_uploads == "capability"

    @property
    def is_open(self) -> bool:
        """True if clients on other machines can reach the server and need no login."""
        return not self.auth and bool(reachable_addresses(self.addresses))


_NEEDED: Mapping[str, Sequence[Sequence[str]]] = {
    "token": [("auth_token_secret",)],
    "jwt": [("auth_audience",), ("auth_jwks_url", "auth_jwt_secret")],
    "api-key": [("auth_keys_file",)],
    "forward": [("auth_url",)],
    "proxy": [("auth_user_header",), ("behind_proxy",)],
}
"""The settings that each way to log in (a word of `auth`) needs: of each group, one must be set."""
