"""What a real browser lets pages of another origin do with the service: nothing, unless it is listed."""

import http.server
import json
import subprocess
import threading

import pytest

# Sends what a page can send, and writes down what came of each.
PAGE = """<!doctype html><title>elsewhere</title><pre id="out">waiting</pre>
<iframe name="sink"></iframe>
<form id="form" method="post" target="sink" action="{url}/form/e"><input name="targets" value="h:1"></form>
<script>
const results = {{}};
async function attempt(name, path, options) {{
  try {{
    const response = await fetch("{url}" + path, options);
    results[name] = response.status + " " + (await response.text()).trim();
  }} catch (error) {{
    results[name] = "error";
  }}
}}
(async () => {{
  await attempt("read", "/kept/e");
  await attempt("put", "/put/e", {{method: "PUT", body: new URLSearchParams({{targets: "h:1"}})}});
  await attempt("post", "/post/e", {{method: "POST", body: new URLSearchParams({{targets: "h:1"}})}});
  await attempt("blind", "/blind/e",
                {{method: "POST", mode: "no-cors", body: new URLSearchParams({{targets: "h:1"}})}});
  await attempt("delete", "/kept/e", {{method: "DELETE"}});
  document.getElementById("form").submit();
  setTimeout(() => {{ document.getElementById("out").textContent = JSON.stringify(results); }}, 500);
}})();
</script>"""


class Elsewhere:
    """A web server of somebody else's, with one page that uses the service at `url`."""

    def __init__(self):
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(PAGE.format(url=site.url).encode())

            def log_message(self, *_):
                pass
        self.url = None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def elsewhere():
    site = Elsewhere()
    yield site
    site.server.shutdown()
    site.server.server_close()


def visit(site, profile):
    """Has Chromium run the page, and gives what its script found."""
    shown = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom", site.origin],
        capture_output=True, text=True, check=True, timeout=120)
    text = shown.stdout.split('<pre id="out">', 1)[1].split("</pre>", 1)[0]
    return json.loads(text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))


def registered(server):
    return {path for path in ("form", "put", "post", "blind") if server.group(f"/{path}/e") is not None}


def test_a_page_of_another_origin_can_neither_read_nor_change_anything(start, elsewhere, tmp_path):
    server = start()
    server.json("PUT", "/kept/e", {"targets": ["h:1"]})
    elsewhere.url = server.url
    results = visit(elsewhere, tmp_path / "profile")
    assert results == {"read": "error", "put": "error", "post": "error", "blind": "0 ", "delete": "error"}, results
    assert registered(server) == set()
    assert server.group("/kept/e") is not None
    refused = "target_eye_http_requests_total"
    assert server.metric(f'{refused}{{code="403",method="POST",handler="framing"}}') >= 3


def test_a_page_of_a_listed_origin_can_do_both(start, elsewhere, tmp_path):
    server = start(ALLOWED_ORIGINS=elsewhere.origin)
    server.json("PUT", "/kept/e", {"targets": ["h:1"]})
    elsewhere.url = server.url
    results = visit(elsewhere, tmp_path / "profile")
    for name in ("read", "put", "post", "delete"):
        assert results[name].startswith('200 [{"targets":["h:1"]'), results
    assert registered(server) == {"form", "put", "post", "blind"}
    assert server.group("/kept/e") is None


def test_curl_notices_nothing(server):
    answer = server.curl("-X PUT -d targets=h:1", path="/a/e")
    assert answer.status == 200 and answer.json()[0]["targets"] == ["h:1"]


def test_a_name_that_is_not_ours_is_refused_where_names_are_set(start):
    server = start(SERVER_NAMES="target-eye.example")
    own = server.curl("-H 'Host: target-eye.example'", path="/a/e")
    rebound = server.curl("-H 'Host: attacker.example'", path="/a/e")
    assert own.status == 200
    assert rebound.status == 421 and rebound.message() == "this host is not served here"
