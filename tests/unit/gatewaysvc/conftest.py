import pytest

from gatewaysvc.routes import RouteTable
from gatewaysvc.services import SERVICES
from gatewaysvc.transcode import Transcoder


@pytest.fixture(scope="session")
def table():
    return RouteTable(each.descriptor for each in SERVICES)


@pytest.fixture(scope="session")
def to_request(table):
    """An HTTP request as the message that goes to its service."""

    def transcode(http_method, target, body=b""):
        path, _, query = target.partition("?")
        match = table.match(http_method, path)
        return Transcoder(match.route).to_request(match, query, body)

    return transcode
