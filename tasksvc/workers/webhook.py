"""The handler `webhook`: tells a program elsewhere by HTTP, signed after Standard Webhooks."""

import time
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict

from chassis.outgoing import Answer, NotAnswered, NotCallable, post
from chassis.webhook_secrets import WebhookSecrets
from tasksvc.handlers import AttemptFailed, GiveUp, Job, RetryLater
from tasksvc.project_secret import project_secret
from tasksvc.workers.webhook_payload import Delivery, read_delivery

NAME: Final = "webhook"


class Webhook:
    """Makes the requests."""

    def __init__(self, session: aiohttp.ClientSession, secrets: WebhookSecrets) -> None:
        self._session = session
        self._secrets = secrets

    async def handle(self, job: Job) -> Mapping[str, Any]:
        """Delivers it: the result is the answer's status and the beginning of its body."""
        delivery = read_delivery(job.payload)
        try:
            answer = await post(self._session, delivery.url, delivery.body, self._headers(job, delivery))
        except NotCallable as error:
            raise GiveUp(f"payload.url: {error}") from None
        except NotAnswered as error:
            raise AttemptFailed(str(error)) from None
        if not answer.succeeded:
            raise _failure(answer)
        return {"status": answer.status, "body": answer.said}

    def _headers(self, job: Job, delivery: Delivery) -> Mapping[str, str]:
        now = int(time.time())
        headers = CIMultiDict({"Content-Type": "application/json"})
        headers.update(delivery.headers)
        # The same id with each attempt: who got it, and could not say so in time, recognises it.
        headers.update(self._secrets.headers([project_secret(job.project_id)], job.task_id, now, delivery.body))
        return headers


def _failure(answer: Answer) -> AttemptFailed:
    if answer.gone:
        return GiveUp(str(answer))
    return AttemptFailed(str(answer)) if answer.retry_after is None else RetryLater(answer.retry_after, str(answer))
