"""Python's HTTP clients, and programs such as curl. README.md says what it reads and writes."""

import asyncio
import base64
import http.client
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

PIECE = 65536


class Setup:
    def __init__(self, url, ca, version):
        self.url, self.ca, self.http2 = url, ca, version == "2"
        self.authority = url.partition("//")[2]

    def tls(self):
        return ssl.create_default_context(cafile=self.ca)


class Request:
    def __init__(self, line):
        self.method, self.path, body, flags, *headers = line.rstrip("\n").split("\t")
        self.path_of_body = None if body == "-" else body
        self.body = None if body == "-" else pathlib.Path(body).read_bytes()
        self.chunked = "chunked" in flags
        self.headers = dict(header.split(": ", 1) for header in headers)
        self.expects = "Expect" in self.headers


def in_pieces(data):
    """A body whose length the client does not know."""
    for start in range(0, len(data), PIECE):
        yield data[start:start + PIECE]


def with_http_client(setup):
    secure = setup.url.startswith("https")
    connection = (http.client.HTTPSConnection(setup.authority, context=setup.tls()) if secure
                  else http.client.HTTPConnection(setup.authority))

    def ask(request):
        body = in_pieces(request.body) if request.chunked else request.body
        try:
            connection.request(request.method, request.path, body, request.headers, encode_chunked=request.chunked)
            answer = connection.getresponse()
            return answer.status, "1.1" if answer.version == 11 else "1.0", answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
    return ask


def with_urllib(setup):
    def ask(request):
        asked = urllib.request.Request(setup.url + request.path, request.body, request.headers, method=request.method)
        try:
            with urllib.request.urlopen(asked, context=setup.tls()) as answer:
                return answer.status, "1.1", answer.read()
        except urllib.error.HTTPError as error:
            return error.code, "1.1", error.read()
    return ask


def with_urllib3(setup):
    import urllib3
    pool = urllib3.PoolManager(ca_certs=setup.ca, retries=False)

    def ask(request):
        body = in_pieces(request.body) if request.chunked else request.body
        answer = pool.request(request.method, setup.url + request.path, body=body, headers=request.headers)
        return answer.status, "1.1", answer.data
    return ask


def with_requests(setup):
    import requests
    session = requests.Session()
    session.trust_env = False  # Or it would put a .netrc of this machine's in.
    session.verify = setup.ca

    def ask(request):
        body = in_pieces(request.body) if request.chunked else request.body
        answer = session.request(request.method, setup.url + request.path, data=body, headers=request.headers)
        return answer.status_code, "1.1", answer.content
    return ask


def with_httplib2(setup):
    import httplib2
    client = httplib2.Http(ca_certs=setup.ca)

    def ask(request):
        answer, content = client.request(setup.url + request.path, request.method, request.body, request.headers)
        return answer.status, "1.1", content
    return ask


def with_httpx(setup):
    import httpx
    client = httpx.Client(http1=not setup.http2, http2=setup.http2, verify=setup.tls(), trust_env=False, timeout=60)

    def ask(request):
        body = in_pieces(request.body) if request.chunked else request.body
        answer = client.request(request.method, setup.url + request.path, content=body, headers=request.headers)
        return answer.status_code, answer.http_version.removeprefix("HTTP/"), answer.content
    return ask


def with_aiohttp(setup):
    import aiohttp
    loop = asyncio.new_event_loop()

    async def in_pieces_later(data):
        for piece in in_pieces(data):
            yield piece

    async def make():
        return aiohttp.ClientSession()
    session = loop.run_until_complete(make())

    async def ask_later(request):
        body = in_pieces_later(request.body) if request.chunked else request.body
        headers = {name: value for name, value in request.headers.items() if name != "Expect"}
        async with session.request(request.method, setup.url + request.path, data=body, headers=headers,
                                   expect100=request.expects, ssl=setup.tls()) as answer:
            return answer.status, f"{answer.version.major}.{answer.version.minor}", await answer.read()
    return lambda request: loop.run_until_complete(ask_later(request))


def with_pycurl(setup):
    import io

    import pycurl
    handle = pycurl.Curl()

    def ask(request):
        handle.reset()
        said = io.BytesIO()
        handle.setopt(pycurl.URL, setup.url + request.path)
        handle.setopt(pycurl.CAINFO, setup.ca)
        handle.setopt(pycurl.CUSTOMREQUEST, request.method)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS if setup.http2
                      else pycurl.CURL_HTTP_VERSION_1_1)
        headers = {"Expect": "", **request.headers}
        if request.chunked:
            handle.setopt(pycurl.UPLOAD, 1)
            handle.setopt(pycurl.READDATA, io.BytesIO(request.body))
            headers["Transfer-Encoding"] = "chunked"
        elif request.body is not None:
            handle.setopt(pycurl.POSTFIELDS, request.body)
        handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
        handle.setopt(pycurl.WRITEDATA, said)
        handle.perform()
        version = handle.getinfo(pycurl.INFO_HTTP_VERSION)
        return (handle.getinfo(pycurl.RESPONSE_CODE), "2" if version == pycurl.CURL_HTTP_VERSION_2_0 else "1.1",
                said.getvalue())
    return ask


def with_curl(setup):
    """One process for all, so that connections are used again."""
    def quoted(text):
        return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'

    def ask_all(requests):
        with tempfile.TemporaryDirectory() as directory:
            lines = []
            for number, request in enumerate(requests):
                headers = {"Expect": "", **request.headers}
                if request.chunked and not setup.http2:
                    headers["Transfer-Encoding"] = "chunked"
                lines += ["next"] if number else []
                lines += ["silent", f"cacert = {quoted(setup.ca)}", "http2" if setup.http2 else "http1.1",
                          f"request = {request.method}", f"url = {quoted(setup.url + request.path)}",
                          f"output = {quoted(f'{directory}/{number}')}", 'write-out = "%{json}\\n"']
                lines += [f"header = {quoted(f'{name}: {value}')}" for name, value in headers.items()]
                lines += [f"data-binary = {quoted(f'@{request.path_of_body}')}"] if request.path_of_body else []
            done = subprocess.run(["curl", "-K", "-"], input="\n".join(lines), capture_output=True, text=True,
                                  check=False)
            for number, line in enumerate(done.stdout.splitlines()):
                said = json.loads(line)
                if said["exitcode"]:
                    yield f"curl: ({said['exitcode']}) {said['errormsg']}"
                    continue
                body = pathlib.Path(f"{directory}/{number}")
                yield said["http_code"], said["http_version"], body.read_bytes() if body.exists() else b""
    return ask_all


def one_process_each(command):
    """For programs that send one request: `command(request)` is their words, after which head and body come out."""
    def ask(request):
        done = subprocess.run(command(request), capture_output=True, check=False)
        head, _, body = done.stdout.partition(b"\r\n\r\n" if b"\r\n\r\n" in done.stdout else b"\n\n")
        line = head.split(b"\n")[0].split()
        if not done.stdout:  # wget shows the head alone where it has no password for a 401.
            line, body = done.stderr.split()[:2], b""
        if len(line) < 2 or not line[0].startswith(b"HTTP/"):
            raise OSError(f"exit code {done.returncode}: {done.stderr.decode()}")
        return int(line[1]), line[0].decode().removeprefix("HTTP/"), body
    return ask


def with_wget(setup):
    return one_process_each(lambda request: [
        "wget", "--no-config", f"--ca-certificate={setup.ca}", "-q", "-S", "--tries=1", "--content-on-error",
        "--save-headers", "-O", "-", f"--method={request.method}",
        *([f"--body-file={request.path_of_body}"] if request.path_of_body else []),
        *(f"--header={name}: {value}" for name, value in request.headers.items()), setup.url + request.path])


def with_httpie(setup):
    return one_process_each(lambda request: [
        "http", "--ignore-stdin", "--print=hb", "--pretty=none", f"--verify={setup.ca}", request.method,
        setup.url + request.path, *(f"{name}:{value}" for name, value in request.headers.items()),
        *([f"@{request.path_of_body}"] if request.path_of_body else [])])


def with_ansible(setup):
    def ask_all(requests):
        with tempfile.TemporaryDirectory() as directory:
            said = f"{directory}/said.json"
            tasks = []
            for number, request in enumerate(requests):
                uri = {"url": setup.url + request.path, "method": request.method, "headers": request.headers,
                       "return_content": True, "ca_path": setup.ca, "timeout": 60,
                       # Or it would be a failure, with the same content.
                       "status_code": list(range(200, 600))}
                if request.path_of_body:
                    uri.update(src=request.path_of_body, remote_src=True)
                tasks.append({"uri": uri, "register": f"said_{number}", "ignore_errors": True})
            keep = ", ".join(f"said_{number}" for number in range(len(requests)))
            tasks.append({"copy": {"dest": said, "content": "{{ [" + keep + "] | to_json }}"}})
            playbook = pathlib.Path(directory, "playbook.json")  # JSON is YAML.
            playbook.write_text(json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False,
                                             "tasks": tasks}]))
            environment = {"PATH": "/usr/bin:/bin", "HOME": directory, "LC_ALL": "C.UTF-8",
                           "ANSIBLE_NOCOLOR": "1"}
            done = subprocess.run(["ansible-playbook", "-i", "localhost,", "-e",
                                   "ansible_python_interpreter=/usr/bin/python3", playbook], env=environment,
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                raise OSError(done.stdout + done.stderr)
            for answer in json.loads(pathlib.Path(said).read_text()):
                if answer["status"] < 0:
                    yield answer["msg"]
                else:
                    yield answer["status"], "1.1", answer.get("content", "").encode()
    return ask_all


CLIENTS = {"http.client": with_http_client, "urllib": with_urllib, "urllib3": with_urllib3, "requests": with_requests,
           "httplib2": with_httplib2, "httpx": with_httpx, "aiohttp": with_aiohttp, "pycurl": with_pycurl,
           "wget": with_wget, "httpie": with_httpie}
# These take all the requests together.
AT_ONCE = {"curl": with_curl, "ansible": with_ansible}


def say(answer):
    if isinstance(answer, str):
        print("failed", " ".join(answer.split()), sep="\t", flush=True)
    else:
        status, version, body = answer
        print(status, version, base64.b64encode(body).decode(), sep="\t", flush=True)


def ask_or_tell(ask, request):
    """The answer, or why there is none."""
    try:
        return ask(request)
    except Exception as error:  # pylint: disable=broad-except
        return f"{type(error).__name__}: {error}"


def main():
    name, *words = sys.argv[1:]
    setup, requests = Setup(*words), [Request(line) for line in sys.stdin]
    if name in AT_ONCE:
        answers = AT_ONCE[name](setup)(requests)
    else:
        ask = CLIENTS[name](setup)
        answers = (ask_or_tell(ask, request) for request in requests)
    for answer in answers:
        say(answer)


if __name__ == "__main__":
    main()
