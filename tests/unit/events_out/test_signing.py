from __future__ import annotations

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tusd_py.events_out.signing import Signer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def test_the_standard_vector_holds() -> None:
    headers = Signer([SECRET], lambda: 1614265330.7).headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_sign_in_their_order() -> None:
    both = Signer([SECRET, OTHER], lambda: 1614265330).headers("id", b"{}")["webhook-signature"].split()
    alone = [
        Signer([secret], lambda: 1614265330).headers("id", b"{}")["webhook-signature"] for secret in (SECRET, OTHER)
    ]
    assert both == alone


def test_receivers_verify_with_either_secret_and_no_other() -> None:
    body = '{"name":"Men\u00fc"}'
    headers = dict(Signer([SECRET, OTHER]).headers("id", body.encode()))
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "B" * 44).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + " ", headers)


def test_without_a_secret_a_call_still_has_its_id() -> None:
    assert Signer().headers("id", b"").keys() == {"webhook-id", "webhook-timestamp"}
