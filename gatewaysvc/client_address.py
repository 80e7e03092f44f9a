"""Where a request comes from, also behind proxies."""

from aiohttp.web import BaseRequest

from chassis.proxies import FORWARDED_FOR, Networks, original_address


def client_address(request: BaseRequest, proxies: Networks) -> str:
    """The address of the client; empty if there is none, as over a socket of this machine."""
    return original_address(request.remote or "", request.headers.getall(FORWARDED_FOR, ()), proxies)
