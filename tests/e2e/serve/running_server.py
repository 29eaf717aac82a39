"""A server of a tiny random model, and what the tests ask it. Nothing but Python's standard library."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

SMALL = {"prompt": "a red cube", "width": 64, "height": 64, "num_inference_steps": 3, "max_sequence_length": 16}
# Long enough to be met while it is drawn.
LONG = SMALL | {"width": 256, "height": 256, "num_inference_steps": 150, "count": 10}


class Server:
    """`sd35 serve` with a tiny model in `folder`, made there first, or the model that SD35_TEST_MODEL names; clients call it tiny."""

    def __init__(self, sd35, folder, *arguments, environment=None):
        self.sd35 = sd35
        self.model = pathlib.Path(os.environ.get("SD35_TEST_MODEL") or pathlib.Path(folder) / "tiny")
        if not self.model.exists():
            subprocess.run(
                [sd35, "make-random-model", "--size", "tiny", "--dtype", "f32", "--seed", "7", "--quiet", "-o", self.model], check=True
            )
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sd35, "serve", "--model", f"tiny={self.model}", "--dtype", "f32", "--port", "0", *arguments],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, **(environment or {})},
        )
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on (http://[^ ]+:(\d+))\n", line)
        if not found:
            raise AssertionError(f"the server said {line!r}; {self.text_of_log()}")
        self.url, self.port = found[1], int(found[2])

    def text_of_log(self):
        self.log.seek(0)
        return self.log.read()

    def end(self, signals=(signal.SIGTERM,)):
        """Its exit code."""
        for number in signals:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and bytes of the answer."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        all_headers = {"Content-Type": "application/json"} if data is not None else {}
        request = urllib.request.Request(self.url + path, data, all_headers | (headers or {}), method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def ask_json(self, method, path, body=None, headers=None):
        return json.loads(self.ask(method, path, body, headers)[2])

    def submit(self, body):
        status, _, answer = self.ask("POST", "/api/v1/jobs", body)
        assert status == 202, answer
        return json.loads(answer)

    def wait_for(self, job, statuses=("done", "failed", "cancelled")):
        while (state := self.ask_json("GET", job["links"]["self"]))["status"] not in statuses:
            time.sleep(0.01)
        return state

    def events(self, job, headers=None):
        """(name, data) of each event, as they come."""
        request = urllib.request.Request(self.url + job["links"]["events"], headers=headers or {})
        with urllib.request.urlopen(request, timeout=120) as stream:
            name = None
            for line in stream:
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    yield name, json.loads(line[6:])

    def metric(self, name):
        text = self.ask("GET", "/metrics")[2].decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)[1])

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), 60)
        return client

    def say(self, data):
        """All that comes back when these bytes are sent, until the server closes."""
        with self.connect() as client:
            client.sendall(data)
            return read_all(client)


def read_all(client):
    received = b""
    try:
        while chunk := client.recv(65536):
            received += chunk
    except ConnectionError:
        pass
    return received
