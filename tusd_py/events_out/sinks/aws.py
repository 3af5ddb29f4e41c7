"""Sinks that are queues of SQS or topics of SNS. botocore finds the credentials, and the region and endpoint that an
address in `events-to` doesn't give, as for the AWS CLI; if it finds no region, us-east-1 counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from tusd_py.domain.errors import ConfigurationError
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.sinks.broker import attributes
from tusd_py.ports.outbox import Delivery

if TYPE_CHECKING:
    from types_aiobotocore_sns import SNSClient
    from types_aiobotocore_sqs import SQSClient

_AWS = re.compile(r"sqs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_ANY_REGION = "us-east-1"
_NO_TEXT = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
"""The JSON escapes of the two characters that JSON may have unescaped and AWS refuses (SQS API Reference,
SendMessage)."""
_FIFO = ".fifo"


class SqsQueue:
    """A `Broker` that sends to an SQS queue, named by its URL."""

    errors = (BotoCoreError, ClientError, OSError)

    def __init__(self, client: SQSClient, url: str, resources: AsyncExitStack) -> None:
        self._client, self._url, self._resources = client, url, resources

    @classmethod
    async def open(cls, url: str) -> SqsQueue:
        """Return the queue; nothing is sent yet. Raises ConfigurationError if its client can't be set up."""
        split = urlsplit(url)
        aws = _AWS.fullmatch(split.hostname or "")
        endpoint = None if aws else f"{split.scheme}://{split.netloc}"
        client, resources = await _open("sqs", aws[1] if aws else None, endpoint)
        return cls(client, url, resources)

    async def send(self, message: Message, delivery: Delivery) -> None:
        await self._client.send_message(
            QueueUrl=self._url,
            MessageBody=_text(message),
            MessageAttributes=_attributes(message, delivery),
            **_order(self._url, delivery),
        )

    async def aclose(self) -> None:
        await self._resources.aclose()


class SnsTopic:
    """A `Broker` that publishes to an SNS topic, named by its ARN."""

    errors = (BotoCoreError, ClientError, OSError)

    def __init__(self, client: SNSClient, arn: str, resources: AsyncExitStack) -> None:
        self._client, self._arn, self._resources = client, arn, resources

    @classmethod
    async def open(cls, arn: str) -> SnsTopic:
        """Return the topic; nothing is sent yet. Raises ConfigurationError if its client can't be set up."""
        client, resources = await _open("sns", arn.split(":")[3], None)
        return cls(client, arn, resources)

    async def send(self, message: Message, delivery: Delivery) -> None:
        await self._client.publish(
            TopicArn=self._arn,
            Message=_text(message),
            MessageAttributes=_attributes(message, delivery),
            **_order(self._arn, delivery),
        )

    async def aclose(self) -> None:
        await self._resources.aclose()


async def _open(service: Literal["sqs", "sns"], region: str | None, endpoint: str | None) -> tuple[Any, AsyncExitStack]:
    session = get_session()
    try:
        async with AsyncExitStack() as stack:
            client = session.create_client(
                service,
                region_name=region or session.get_config_variable("region") or _ANY_REGION,
                endpoint_url=endpoint,
                config=AioConfig(retries={"total_max_attempts": 1}),
            )
            return await stack.enter_async_context(client), stack.pop_all()
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"events-to: {service.upper()} can't be set up: {error}") from error


def _text(message: Message) -> str:
    return message.body.decode().translate(_NO_TEXT)


def _attributes(message: Message, delivery: Delivery) -> Mapping[str, Any]:
    values = attributes(message, delivery)
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value}


def _order(name: str, delivery: Delivery) -> Mapping[str, Any]:
    """Return the parameters for a message's order and deduplication; none unless the queue or topic is FIFO."""
    if not name.endswith(_FIFO):
        return {}
    return {"MessageGroupId": delivery.upload_id, "MessageDeduplicationId": delivery.event_id}
