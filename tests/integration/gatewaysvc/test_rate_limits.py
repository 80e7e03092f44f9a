import aiohttp

from gatewaysvc.rate_limits import PASSWORD, RateLimits


async def test_who_comes_too_often_is_told_to_wait(serving):
    async with (
        serving(rate_limits=RateLimits()) as gateway,
        aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as http,
    ):
        let_through = 0
        while True:
            async with http.post("/v1/sessions", json={"username": "a", "password": "b"}) as response:
                body = await response.json()
            assert response.headers["RateLimit-Limit"] == str(PASSWORD.burst)
            if response.status != 200:
                break
            let_through += 1
        assert let_through >= PASSWORD.burst
        assert (response.status, response.headers["RateLimit-Remaining"]) == (429, "0")
        assert response.headers["Retry-After"] == "1"
        assert body["details"][0]["reason"] == "RATE_LIMITED"
        assert "RetryInfo" in body["details"][1]["@type"]
        async with http.get("/v1/tasks", headers={"Authorization": "Bearer good"}) as other:
            assert other.status == 200
