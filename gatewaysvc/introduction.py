"""Tells a service which client a call without credentials is made for: a user hears of the clients that sign in."""

from aiohttp.web import BaseRequest

from chassis.client import Client, introduction
from chassis.grpc_client import Metadata
from chassis.proxies import Networks
from gatewaysvc.client_address import client_address


class Introduction:
    """By a gateway that has the service key, and may stand behind proxies."""

    def __init__(self, service_key: str, proxies: Networks = ()) -> None:
        self._key = service_key
        self._proxies = proxies

    def metadata(self, request: BaseRequest) -> Metadata:
        """What the call carries."""
        client = Client(request.headers.get("User-Agent", ""), client_address(request, self._proxies))
        return (introduction(client, self._key),)
