import aiohttp

from chassis.client import Client
from chassis.proxies import networks
from gatewaysvc.introduction import Introduction
from tests.integration.gatewaysvc.peers import KEY

SIGN_IN = {"username": "a", "password": "b"}


async def test_who_signs_in_is_introduced_by_program_and_address(serving, asked):
    async with (
        serving(introduction=Introduction(KEY, networks("127.0.0.1"))) as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as http,
    ):
        for headers, address in (({}, "127.0.0.1"), ({"X-Forwarded-For": "192.0.2.7"}, "192.0.2.7")):
            async with http.post("/v1/sessions", json=SIGN_IN, headers={"User-Agent": "Лис/1", **headers}) as answer:
                assert answer.status == 200
            assert asked.client == Client("Лис/1", address)


async def test_what_a_client_says_of_itself_in_our_name_is_not_believed(serving, asked):
    async with (
        serving(introduction=Introduction("another key than theirs")) as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as http,
        http.post("/v1/sessions", json=SIGN_IN, headers={"User-Agent": "Лис/1"}),
    ):
        assert asked.client.address == "127.0.0.1"
        assert asked.client.user_agent.startswith("grpc-python")
