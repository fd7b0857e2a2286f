"""The table of requests in docs/migration.md: each is answered as its last column says."""

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "migration.md"
ROW = re.compile(r"^\| `(PUT|POST|DELETE) (\S+)(?: (.+?))?` \| .* \| (\d{3})(?:[:,] .*)? \|$", re.MULTILINE)
FORM, JSON, YAML = "application/x-www-form-urlencoded", "application/json", "application/yaml"


def rows():
    page = PAGE.read_text()
    table = page[page.index("### Requests that are answered otherwise"):].split("\n### ")[0]
    found = ROW.findall(table)
    assert len(found) == table.count("\n| `"), "a row that is not of the form that is tried"
    assert len(found) > 25
    return found


@pytest.fixture(scope="module")
def server(start_shared):
    return start_shared()


@pytest.mark.parametrize("method, path, body, status", rows(), ids=lambda value: re.sub(r"[^\x20-\x7e]", "_", value))
def test_a_request_is_answered_as_the_page_says(server, method, path, body, status):
    server.request("DELETE", "/web/prod")
    server.request("DELETE", "/new/prod")
    assert server.request("PUT", "/web/prod", b"targets=a:1,c:1&team=x", FORM).status == 200
    content_type = JSON if body[:1] in ("{", "[") else YAML if body.startswith("YAML ") else FORM
    answer = server.request(method, path, body.removeprefix("YAML ").encode(), content_type if body else None)
    assert answer.status == int(status), answer
    if answer.status == 400:
        assert answer.message()
        assert server.group("/web/prod") == {"targets": ["a:1", "c:1"],
                                             "labels": {"job": "web", "env": "prod", "team": "x"}}
