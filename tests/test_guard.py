"""Whom the frame server answers: every request through the guard alone, with headers as browsers and others send them."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
from asgi import Answer, ask, ask_later, scope_of
from hypothesis import given
from hypothesis import strategies as st

from framecache.errors import BadArgumentError, BadTypeError
from framecache.server.guard import Guard, Policy
from framecache.server.tokens import sign_url

TOKEN = "a-token.of~the_tests"
NOTES = "https://notes.example.org"
FRAME = "/v1/videos/abc/frames/5.jpg"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
FOREIGN_PICTURE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}


async def videos(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """What is guarded: it answers everything."""
    is_page = scope["path"] == "/"
    kind = b"text/html; charset=utf-8" if is_page else b"image/jpeg"
    headers = [(b"content-type", kind), (b"server", b"videos/1"), (b"etag", b'"5"')]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"a picture"})


def asked(target: str, headers: Any = (), *, method: str = "GET", host: str | None = "localhost", **policy: Any) -> Answer:
    return ask(Guard(videos, Policy(**policy)), target, headers, method=method, host=host)


# Addresses


def test_an_address_that_is_too_long_is_refused():
    assert asked("/" + "x" * 8191).status == 200
    assert asked("/" + "x" * 8192).status == 414
    assert asked("/?" + "x" * 8192).status == 414
    # Escapes count as they came.
    assert asked("/" + "%41" * 10, most_url_bytes=20).status == 414


# Hosts


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8765", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8765", "localhost:"])
def test_a_name_of_this_machine_is_answered(host: str):
    assert asked(FRAME, host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:8765",
        "localhost.evil.example",
        "evil.example#localhost",
        "user@localhost",
        "localhost, evil.example",
        "localhost:8765:1",
        "localhost:port",
        " localhost",
        "::1",
        "[::1",
        "[::2]",
        "127.0.0.2",
        "192.168.1.5",
        "0.0.0.0",
        "localhost\x00",
        "löcalhost",
    ],
)
def test_a_foreign_host_is_refused(host: str | None):
    answer = asked(FRAME, host=host)
    assert answer.status == 403
    assert "Host" in answer.detail
    assert answer.header("cache-control") == "no-store"


def test_two_hosts_are_refused():
    assert asked(FRAME, [("Host", "evil.example")]).status == 403
    assert asked(FRAME, [("Host", "localhost")]).status == 403


def test_hosts_can_be_named():
    hosts = ["Video.Example.org", "2001:DB8::1"]
    assert asked(FRAME, host="video.example.org:443", hosts=hosts).status == 200
    assert asked(FRAME, host="[2001:db8::1]:8765", hosts=hosts).status == 200
    assert asked(FRAME, host="localhost", hosts=hosts).status == 403


def test_any_address_may_be_taken_but_no_name():
    for host in ("192.168.1.5:8765", "[fe80::1]", "10.0.0.1"):
        assert asked(FRAME, host=host, takes_any_address=True).status == 200
    for host in ("evil.example", "192.168.1.5.evil.example", "1.2.3", "[evil]"):
        assert asked(FRAME, host=host, takes_any_address=True).status == 403


def test_the_health_is_told_under_our_own_names_only():
    assert asked("/healthz", host="evil.example", token=TOKEN).status == 403


# Origins


def test_the_own_page_may_ask():
    assert asked(FRAME, {"Origin": "http://localhost:8765"}, host="localhost:8765").status == 200
    # A proxy before us may speak TLS.
    assert asked(FRAME, {"Origin": "https://LOCALHOST"}, host="localhost").status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://localhost",
        "http://localhost:8766",
        "http://127.0.0.1:8765",
        "ftp://localhost:8765",
        "localhost:8765",
        "https://notes.example.org.evil.example",
        "https://notes.example.org:8443",
        "http://notes.example.org",
        f"{NOTES}, {NOTES}",
    ],
)
def test_a_foreign_origin_is_refused_and_told_nothing(origin: str):
    for headers in ({"Origin": origin}, {"Origin": origin, **BEARER}):
        answer = asked(FRAME, headers, host="localhost:8765", origins=[NOTES], token=TOKEN)
        assert answer.status == 403
        assert answer.header("access-control-allow-origin") is None


def test_two_origins_are_refused():
    assert asked(FRAME, [("Origin", NOTES), ("Origin", NOTES)], origins=[NOTES]).status == 403


def test_a_named_origin_may_ask_and_read():
    answer = asked(FRAME, {"Origin": NOTES}, origins=[NOTES])
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == NOTES
    assert answer.header("vary") == "Origin"
    exposed = answer.header("access-control-expose-headers") or ""
    assert {"Frame-Index", "Frame-Pts", "Frame-Time", "Frame-Keyframe", "ETag", "Server-Timing", "Content-Location"} <= set(
        exposed.split(", ")
    )
    assert answer.header("access-control-allow-credentials") is None


def test_a_named_origin_reads_why_it_was_refused():
    answer = asked(FRAME, {"Origin": NOTES}, origins=[NOTES], token=TOKEN)
    assert answer.status == 401
    assert answer.header("access-control-allow-origin") == NOTES


def test_answers_to_others_do_not_pass_for_those_to_a_named_origin():
    answer = asked(FRAME, origins=[NOTES])
    assert answer.header("access-control-allow-origin") is None
    assert answer.header("vary") == "Origin", "or a cache would hand it to the page"


PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


def test_a_preflight_of_a_named_origin_is_answered_without_a_token():
    answer = asked(FRAME, {"Origin": NOTES, **PREFLIGHT}, method="OPTIONS", origins=[NOTES], token=TOKEN)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("access-control-allow-origin") == NOTES
    assert answer.header("access-control-allow-methods") == "GET, HEAD"
    allowed = (answer.header("access-control-allow-headers") or "").split(", ")
    assert {"Authorization", "Client-Id", "Client-Sequence", "Client-Lane", "If-None-Match", "Range"} == set(allowed)


def test_a_preflight_of_another_is_refused():
    for origin in ("https://evil.example", "null"):
        answer = asked(FRAME, {"Origin": origin, **PREFLIGHT}, method="OPTIONS", origins=[NOTES])
        assert answer.status == 403
        assert answer.header("access-control-allow-methods") is None
    assert asked(FRAME, PREFLIGHT, method="OPTIONS", token=TOKEN).status == 401, "no preflight comes without an Origin"


# Pictures on foreign pages, which carry no Origin


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
def test_a_foreign_page_embeds_nothing(site: str):
    for mode, kind in (("no-cors", "image"), ("navigate", "iframe"), ("no-cors", "script"), ("no-cors", "video")):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": kind}
        assert asked(FRAME, headers).status == 403
        # Browsers add the cookie by themselves, whoever's page it is.
        assert asked(FRAME, {**headers, "Cookie": f"framecache_token={TOKEN}"}, token=TOKEN).status == 403


def test_the_own_page_and_people_are_answered():
    for site in ("same-origin", "none"):
        assert asked(FRAME, {**FOREIGN_PICTURE, "Sec-Fetch-Site": site}).status == 200
    opened = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert asked("/v/abc", opened).status == 200, "a link on another page may be followed"


def test_which_page_may_frame_the_own_is_the_browsers_to_check():
    framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    for path in ("/", "/v/abc"):
        assert asked(path, framed).status == 200
        assert asked(path, framed, hosts=["localhost", "video.example.org"]).status == 403, "it is known beyond this machine"
        cookie = {"Cookie": f"framecache_token={TOKEN}"}
        assert asked(path, {**framed, **cookie}, token=TOKEN).status == 403
    anywhere = asked("/", takes_any_address=True).header("content-security-policy") or ""
    assert anywhere.endswith("frame-ancestors 'self'")


def test_a_page_that_is_named_or_has_a_signed_address_embeds_pictures():
    assert asked(FRAME, FOREIGN_PICTURE, origins=[NOTES]).status == 200
    signed = sign_url(FRAME, TOKEN, int(time.time()) + 60)
    assert asked(signed, FOREIGN_PICTURE, token=TOKEN).status == 200
    assert asked(FRAME, {**FOREIGN_PICTURE, **BEARER}, token=TOKEN).status == 200


# Tokens


def test_the_right_token_is_let_in():
    for headers in (
        BEARER,
        {"Authorization": f"bearer  {TOKEN}"},
        {"Cookie": f"framecache_token={TOKEN}"},
        {"Cookie": f"theme=dark; framecache_token={TOKEN}; other=1"},
        [("Cookie", "theme=dark"), ("Cookie", f"framecache_token={TOKEN}")],
        {"Cookie": f"framecache_token=one-of-another-folder; framecache_token={TOKEN}"},
    ):
        assert asked(FRAME, headers, token=TOKEN).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": f"Bearer {TOKEN} {TOKEN}"},
        {"Authorization": "Bearer täken"},
        [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer wrong")],
        {"Cookie": ""},
        {"Cookie": "framecache_token"},
        {"Cookie": "framecache_token="},
        {"Cookie": f"framecache_tokens={TOKEN}"},
        {"Cookie": f"token={TOKEN}"},
        {"Cookie": "framecache_token=\xff\xfe"},
        {"X-Token": TOKEN},
    ],
)
def test_a_missing_or_wrong_token_is_refused(headers: Any):
    answer = asked(FRAME, headers, token=TOKEN)
    assert answer.status == 401
    assert answer.header("www-authenticate") == "Bearer"
    assert TOKEN not in answer.detail
    assert answer.body != b"a picture"


def test_a_token_in_the_address_of_a_frame_is_no_token():
    assert asked(f"{FRAME}?token={TOKEN}", token=TOKEN).status == 401


def test_the_health_and_the_pages_code_are_told_without_a_token():
    for path in ("/healthz", "/readyz", "/static/frame-scrubber.js"):
        assert asked(path, token=TOKEN).status == 200
    for path in ("/metrics", "/healthz/", "/healthzz", "/", "/openapi.json", "//healthz", "/static", "/v1/static/a.js"):
        assert asked(path, token=TOKEN).status == 401


@pytest.mark.parametrize(
    ("asked_for", "location"),
    [
        (f"/?token={TOKEN}", "./"),
        (f"/?frame=3&token={TOKEN}", "./?frame=3"),
        (f"/v/abc_-9?token={TOKEN}", "abc_-9"),
        (f"/v/abc?t=1.5&token={TOKEN}&q=%20a", "abc?t=1.5&q=%20a"),
        ("/?token=a-token.of%7Ethe_tests", "./"),
    ],
)
def test_a_page_opened_with_the_token_keeps_it_as_a_cookie(asked_for: str, location: str):
    answer = asked(asked_for, token=TOKEN)
    assert (answer.status, answer.header("location")) == (303, location)
    assert answer.header("cache-control") == "no-store"
    cookie, *attributes = (answer.header("set-cookie") or "").split("; ")
    assert set(attributes) == {"HttpOnly", "SameSite=Strict", "Path=/"}
    assert asked(urljoin(asked_for, location), {"Cookie": cookie}, token=TOKEN).status == 200


def test_a_plus_in_a_token_is_a_plus():
    for written in ("a+b", "a%2Bb"):
        assert asked(f"/?token={written}", token="a+b").status == 303


def test_a_cookie_given_over_tls_stays_there():
    scope = {**scope_of(f"/?token={TOKEN}"), "scheme": "https"}
    cookie = ""

    async def send(message: dict[str, Any]) -> None:
        nonlocal cookie
        cookie = dict(message.get("headers", {})).get(b"set-cookie", cookie.encode()).decode()

    asyncio.run(Guard(videos, Policy(token=TOKEN))(scope, None, send))
    assert cookie.endswith("; Secure")


def test_a_page_opened_with_a_wrong_token_keeps_nothing():
    for query in ("token=wrong", "token=", f"token={TOKEN}&token={TOKEN}", f"token=wrong&token={TOKEN}"):
        # Not even where the cookie is right: whoever opened this meant the other token.
        answer = asked(f"/?{query}", {"Cookie": f"framecache_token={TOKEN}"}, token=TOKEN)
        assert answer.status == 401
        assert answer.header("set-cookie") is None


def test_the_redirect_leads_nowhere_else():
    for path in ("//evil.example", "/v//evil.example", "/v/a/b", "/v/", "/%2Fevil.example", "/v/a%0d%0ab"):
        assert asked(f"{path}?token={TOKEN}", token=TOKEN).status == 401


@pytest.mark.parametrize(
    "token", ["", "two words", "semi;colon", "com,ma", 'quo"te', "back\\slash", "new\nline", "ümlaut", "x" * 513]
)
def test_a_token_that_cannot_be_carried_is_refused_and_not_shown(token: str):
    with pytest.raises(BadArgumentError) as caught:
        Policy(token=token)
    assert not token or token not in str(caught.value)


def test_a_policy_does_not_show_its_token():
    assert TOKEN not in repr(Policy(token=TOKEN))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='",;\\'), min_size=1, max_size=64))
def test_every_token_can_be_carried_in_every_way(token: str):
    from framecache.server.address import page_url

    guard = Guard(videos, Policy(token=token))
    assert ask(guard, FRAME, {"Authorization": f"Bearer {token}"}).status == 200
    opened = ask(guard, page_url("", token))
    assert opened.status == 303
    assert ask(guard, FRAME, {"Cookie": (opened.header("set-cookie") or "").partition("; ")[0]}).status == 200
    assert ask(guard, sign_url(FRAME, token, 99_999_999_999)).status == 200


# Signed addresses


def signed(target: str = f"{FRAME}?w=320&q=80", *, seconds: int = 60, token: str = TOKEN) -> str:
    return sign_url(target, token, int(time.time()) + seconds)


def test_a_signed_address_is_let_in_until_it_expires():
    assert asked(signed(), token=TOKEN).status == 200
    assert asked(signed(FRAME), token=TOKEN).status == 200
    assert asked(signed(seconds=0), token=TOKEN).status == 401
    assert asked(signed(seconds=-1), token=TOKEN).status == 401


def test_the_order_of_parameters_does_not_matter_and_their_writing_neither():
    path, _, query = signed(f"{FRAME}?crop=0,0,5,5&q=80&name=a%20b").partition("?")
    turned = "&".join(reversed(query.split("&")))
    assert asked(f"{path}?{turned}", token=TOKEN).status == 200
    assert asked(f"{path}?{query.replace('a%20b', 'a+b').replace(',', '%2C')}", token=TOKEN).status == 200
    assert asked(f"{path.replace('5.jpg', '%35.jpg')}?{query}", token=TOKEN).status == 200


def test_a_signature_holds_for_one_address_alone():
    address = signed()
    later = address.replace("expires=", "expires=9")
    for changed in (
        address.replace("5.jpg", "6.jpg"),
        address.replace("w=320", "w=3200"),
        address.replace("w=320&", ""),
        address + "&h=100",
        address + "&w=320",
        later,
        address + "&expires=99999999999",
        address.replace("expires=", "expired="),
        address[:-1],
        address + "0",
        address[:-64] + address[-64:].upper(),
        address[:-64] + "0" * 64,
        address[:-64],
        address + "&signature=" + address[-64:],
        signed(token="another"),
    ):
        assert changed != address
        assert asked(changed, token=TOKEN).status == 401, changed


@pytest.mark.parametrize("expires", ["", "-1", "1e9", "٣", "9" * 13, " 99999999999", "99999999999.0"])
def test_a_time_that_is_none_is_refused(expires: str):
    assert asked(f"{FRAME}?expires={expires}&signature={'0' * 64}", token=TOKEN).status == 401


def test_without_a_token_a_signature_opens_nothing():
    assert asked(signed(), FOREIGN_PICTURE).status == 403


def test_a_whole_address_can_be_signed():
    address = sign_url(f"http://localhost:8765{FRAME}?w=1", TOKEN, 99_999_999_999)
    assert address.startswith(f"http://localhost:8765{FRAME}?w=1&expires=99999999999&signature=")
    assert asked(address.removeprefix("http://localhost:8765"), token=TOKEN).status == 200


def test_what_cannot_be_signed_is_told():
    for address in ("", "frames/5.jpg", signed(), f"{FRAME}?expires=5"):
        with pytest.raises(BadArgumentError, match="cannot be signed"):
            sign_url(address, TOKEN, 99_999_999_999)
    with pytest.raises(BadArgumentError):
        sign_url(FRAME, TOKEN, -1)
    with pytest.raises(BadArgumentError):
        sign_url(FRAME, "", 5)
    with pytest.raises(BadTypeError):
        sign_url(FRAME, TOKEN, "tomorrow")  # type: ignore[arg-type]


# Every answer


def test_every_answer_has_the_headers_that_protect():
    for answer in (
        asked(FRAME),
        asked(FRAME, host="evil.example"),
        asked(FRAME, token=TOKEN),
        asked(f"/?token={TOKEN}", token=TOKEN),
    ):
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("cross-origin-resource-policy") == "same-origin"
        assert answer.header("referrer-policy") == "no-referrer"
        assert answer.header("server") is None
    assert asked(FRAME).header("etag") == '"5"'
    assert asked(FRAME, origins=[NOTES]).header("cross-origin-resource-policy") == "cross-origin"


def test_pages_say_what_they_may_load_and_who_may_frame_them():
    policy = asked("/").header("content-security-policy") or ""
    assert "default-src 'self'" in policy
    assert "script-src 'self';" in policy
    assert "object-src 'none'" in policy
    own = "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
    assert policy.endswith(own)
    assert (asked("/", origins=[NOTES]).header("content-security-policy") or "").endswith(f"{own} {NOTES}")
    assert asked(FRAME).header("content-security-policy") is None


def test_a_failure_within_is_told_without_its_words_and_logged_once(caplog: pytest.LogCaptureFixture):
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("/home/somebody/secret.mp4")

    told: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    failures: list[Exception] = []
    asyncio.run(Guard(failing, Policy(), failures.append)(scope_of(FRAME), None, send))
    assert told[0]["status"] == 500
    assert (b"x-content-type-options", b"nosniff") in told[0]["headers"]
    assert b"secret" not in told[1]["body"]
    assert [str(error) for error in failures] == ["/home/somebody/secret.mp4"]
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[1] is failures[0]


def test_an_answer_that_fails_half_way_has_no_end():
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("no more")

    told: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    asyncio.run(Guard(failing, Policy())(scope_of(FRAME), None, send))
    assert [message.get("more_body") for message in told] == [None, True]


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://localhost/v1/videos", "foreign.example", 200),
        ("HTTPS://127.0.0.1:8765/v1/videos?a=b", "localhost", 200),
        ("http://localhost", None, 200),
        ("http://foreign.example/v1/videos", "localhost", 403),
        ("http:///v1/videos", "localhost", 403),
        ("ftp://localhost/v1/videos", "localhost", 200),
        ("/http://localhost/v1/videos", "localhost", 200),
    ],
)
def test_a_whole_address_is_asked_for_at_the_host_that_it_names(target: str, host: str | None, status: int):
    asked_for: list[str] = []

    async def within(scope: Any, receive: Any, send: Any) -> None:
        asked_for.append(scope["path"])
        assert scope["raw_path"].decode() == scope["path"]
        await videos(scope, receive, send)

    assert ask(Guard(within, Policy()), target, host=host).status == status
    is_whole = target.lower().startswith("http")
    path = target.partition("?")[0].partition("//")[2].partition("/")[2]
    assert asked_for == ([f"/{path}" if is_whole else target] if status == 200 else [])


def test_web_sockets_are_closed_and_the_lifespan_is_passed_on():
    came: list[Any] = []

    async def within(scope: Any, receive: Any, send: Any) -> None:
        came.append(scope["type"])

    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    for kind in ("websocket", "lifespan"):
        asyncio.run(Guard(within, Policy(token=TOKEN))({"type": kind, "path": "/", "headers": []}, None, send))
    assert came == ["lifespan"]
    assert [one["type"] for one in told] == ["websocket.close"]


# How much at once


def test_more_requests_at_once_are_told_to_come_again():
    async def run() -> None:
        is_open = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == FRAME:
                await is_open.wait()
            await videos(scope, receive, send)

        guard = Guard(slow, Policy(most_requests=3))
        waiting = [asyncio.create_task(ask_later(guard, FRAME)) for _ in range(3)]
        await asyncio.sleep(0)
        one_more = await ask_later(guard, FRAME)
        assert one_more.status == 503
        assert one_more.header("retry-after") == "1"
        assert "come again" in one_more.detail
        assert (await ask_later(guard, "/healthz")).status == 200
        assert (await ask_later(guard, FRAME, host="evil.example")).status == 403
        is_open.set()
        assert [answer.status for answer in await asyncio.gather(*waiting)] == [200] * 3
        assert (await ask_later(guard, FRAME)).status == 200

    asyncio.run(run())


def test_requests_that_fail_or_are_called_off_make_room():
    async def run() -> None:
        async def within(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/fails":
                raise RuntimeError("no")
            if scope["path"] == "/waits":
                await asyncio.Event().wait()
            await videos(scope, receive, send)

        guard = Guard(within, Policy(most_requests=1))
        for _ in range(3):
            assert (await ask_later(guard, "/fails")).status == 500
            task = asyncio.create_task(ask_later(guard, "/waits"))
            await asyncio.sleep(0)
            assert (await ask_later(guard, FRAME)).status == 503
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await ask_later(guard, FRAME)).status == 200

    asyncio.run(run())


def test_a_client_that_takes_nothing_is_given_up_and_makes_room():
    async def run() -> None:
        async def taken_never(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        guard = Guard(videos, Policy(most_requests=1, send_timeout_seconds=0.05))
        await asyncio.wait_for(guard(scope_of(FRAME), None, taken_never), 60)
        assert (await ask_later(guard, FRAME)).status == 200

    asyncio.run(run())


# Policies


@pytest.mark.parametrize(
    "wrong",
    [
        {"hosts": ["https://example.org"]},
        {"hosts": ["example.org:80"]},
        {"hosts": [""]},
        {"hosts": ["*"]},
        {"hosts": ["a b"]},
        {"origins": ["*"]},
        {"origins": ["null"]},
        {"origins": ["example.org"]},
        {"origins": ["https://example.org/"]},
        {"origins": ["https://example.org; script-src *"]},
        {"most_requests": 0},
        {"most_url_bytes": 0},
        {"send_timeout_seconds": 0},
    ],
    ids=str,
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any]):
    with pytest.raises(BadArgumentError):
        Policy(**wrong)


@pytest.mark.parametrize("wrong", [{"hosts": "localhost"}, {"origins": NOTES}, {"origins": [5]}, {"token": b"bytes"}], ids=str)
def test_a_policy_of_other_types_is_refused(wrong: dict[str, Any]):
    with pytest.raises(BadTypeError):
        Policy(**wrong)


def test_an_address_is_whole_only_as_it_was_sent():
    for target in ("http%3A//foreign.example/v1/videos", "http:%2F/localhost/v1"):
        asked_for: list[tuple[str, bytes]] = []

        async def within(scope: Any, receive: Any, send: Any) -> None:
            asked_for.append((scope["path"], scope["raw_path"]))  # noqa: B023
            await videos(scope, receive, send)

        assert ask(Guard(within, Policy()), target).status == 200
        assert asked_for == [(unquote(target), target.encode())]
