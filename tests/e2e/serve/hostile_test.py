#!/usr/bin/env python3
"""Clients that mean harm, or know no better: hostile_test.py SD35"""

import base64
import json
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from running_server import LONG, SMALL, Server, read_all

SD35 = ""
FOLDER = ""


def head(*fields, line=b"GET /livez HTTP/1.1"):
    return b"\r\n".join([line, *fields, b"", b""])


def png(width, height, rows=b""):
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SD35, FOLDER, "--queue", "2000")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0, cls.server.text_of_log()[-2000:]

    def status(self, data):
        answer = self.server.say(data)
        self.assertTrue(answer.startswith(b"HTTP/1.1 "), answer[:200])
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
        return int(answer[9:12])

    def test_requests_that_two_programs_could_read_differently(self):
        host, end = b"Host: localhost", b"Connection: close"
        self.assertEqual(self.status(head(host, end)), 200)
        for fields, status in {
            (end,): 400,
            (host, host, end): 400,
            (host, b"Content-Length: 5", b"Transfer-Encoding: chunked"): 400,
            (host, b"Transfer-Encoding: chunked", b"Content-Length: 5"): 400,
            (host, b"Transfer-Encoding: chunked"): 411,
            (host, b"Transfer-Encoding: xchunked"): 411,
            (host, b"Transfer-Encoding : chunked"): 400,
            (host, b"Content-Length: 5", b"Content-Length: 6"): 400,
            (host, b"Content-Length: +5"): 400,
            (host, b"Content-Length: -1"): 400,
            (host, b"Content-Length: 0x5"): 400,
            (host, b"X: a", b" folded"): 400,
            (host, b"X : a"): 400,
            (host, b"X: a\nY: b"): 400,
            (host, b"X: a\rY: b"): 400,
            (host, b"X: a\0b"): 400,
            (host, b"X: " + b"a" * 20000): 431,
            (host, *(b"X: a" for _ in range(100))): 431,
            (host, b"Expect: tea"): 417,
            (b"Host: evil.example", end): 421,
        }.items():
            with self.subTest(fields):
                got = self.status(head(*fields))
                # Where length and encoding disagree, either refusal is right.
                self.assertIn(got, {status, 411} if status == 400 and len(fields) == 3 else {status})

    def test_lines_that_are_no_requests(self):
        for line in [b"GET /livez", b"GET  /livez HTTP/1.1", b"GET /livez HTTP/3.0", b"GET livez HTTP/1.1", b"\x16\x03\x01\x02\x00", b"GET /%00 HTTP/1.1"]:
            with self.subTest(line):
                self.assertIn(self.status(head(b"Host: localhost", line=line)), (400, 505))

    def test_a_body_that_is_too_large_is_not_read(self):
        post = b"POST /api/v1/jobs HTTP/1.1"
        fields = (b"Host: localhost", b"Content-Type: application/json")
        self.assertEqual(self.status(head(*fields, b"Content-Length: 32000001", line=post)), 413)
        self.assertEqual(self.status(head(*fields, b"Content-Length: 99999999999999999999", line=post)), 400)
        self.assertEqual(self.status(head(*fields, b"Content-Length: 40000000", line=post) + b"x" * 40_000_000), 413)

    def test_types_and_origins(self):
        ask = self.server.ask
        self.assertEqual(ask("POST", "/api/v1/jobs", b"prompt=a", {"Content-Type": "application/x-www-form-urlencoded"})[0], 415)
        self.assertEqual(ask("POST", "/api/v1/jobs", b"{}", {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(ask("POST", "/api/v1/jobs", SMALL, {"Origin": "https://evil.example"})[0], 403)
        self.assertEqual(ask("DELETE", "/api/v1/jobs/j_a", headers={"Origin": "null"})[0], 403)
        self.assertEqual(ask("PUT", "/api/v1/jobs", SMALL)[0], 405)
        self.assertEqual(ask("GET", "/api/v1/../../etc/passwd")[0], 404)
        self.assertEqual(ask("GET", "/%2e%2e/etc/passwd")[0], 404)

    def test_pipelined_requests_are_answered_in_order(self):
        one = head(b"Host: localhost")
        answer = self.server.say(one * 50 + head(b"Host: localhost", b"Connection: close", line=b"GET /nothing HTTP/1.1"))
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 50)
        self.assertEqual(answer.count(b"HTTP/1.1 404 "), 1)

    def test_half_closed_connections(self):
        with self.server.connect() as client:
            client.sendall(head(b"Host: localhost"))
            client.shutdown(socket.SHUT_WR)
            self.assertIn(b"200 OK", read_all(client))
        with self.server.connect() as client:
            client.sendall(b"GET /livez HT")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_all(client), b"")

    def refused_picture(self, data):
        text = base64.b64encode(data).decode()
        status, _, body = self.server.ask("POST", "/api/v1/jobs", SMALL | {"image": text})
        self.assertEqual(status, 400)
        return json.loads(body)["error"]["code"]

    def test_pictures_that_are_bombs(self):
        self.assertEqual(self.refused_picture(png(8192, 8192, bytes(8192 * 3 + 1) * 8192)), "picture_too_large")
        self.assertEqual(self.refused_picture(png(8208, 16, bytes(8208 * 3 + 1) * 16)), "picture_too_large")
        self.assertEqual(self.refused_picture(png(30000, 30000)), "invalid_picture")
        self.assertEqual(self.refused_picture(png(2**31 - 1, 2**31 - 1)), "invalid_picture")
        self.assertEqual(self.refused_picture(png(4000, 4000, b"\0")), "invalid_picture")
        self.assertEqual(self.refused_picture(b"GIF89a"), "invalid_picture")

    def test_json_that_is_a_bomb(self):
        for body in [b"[" * 1_000_000, b'{"a":' * 100_000, b'{"prompt": "' + b"a" * 1_000_000 + b'"}', b"{}" * 3, b"\xff"]:
            with self.subTest(body[:20]):
                self.assertEqual(self.server.ask("POST", "/api/v1/jobs", body)[0], 400)

    def test_a_thousand_cancels_leave_nothing(self):
        first = self.server.submit(LONG)
        jobs = [self.server.submit(SMALL) for _ in range(1000)]
        random.Random(1).shuffle(jobs)
        for job in jobs:
            self.assertEqual(self.server.ask_json("DELETE", job["links"]["self"])["status"], "cancelled")
        self.server.ask("DELETE", first["links"]["self"])
        self.assertEqual(self.server.wait_for(first)["status"], "cancelled")
        self.assertEqual(self.server.metric("sd35_queue_length"), 0)

    def test_readers_that_do_not_read(self):
        job = self.server.submit(LONG | {"previews": True})
        idle = []
        for _ in range(20):
            client = self.server.connect()
            client.sendall(head(b"Host: localhost", line=b"GET " + job["links"]["events"].encode() + b" HTTP/1.1"))
            idle.append(client)
        names = []
        for name, _ in self.server.events(job):
            names.append(name)
            if names.count("preview") == 20:
                self.server.ask("DELETE", job["links"]["self"])
        self.assertEqual(names[-1], "cancelled")
        for client in idle:
            client.close()
        while self.server.metric("sd35_sse_subscribers") > 0:
            pass

    def test_more_connections_than_there_is_room_for(self):
        clients = [self.server.connect() for _ in range(256)]
        for client in clients:
            client.sendall(head(b"Host: localhost"))
            self.assertIn(b" 200 OK", client.recv(1000))
        for _ in range(100):
            self.assertIn(b" 503 ", self.server.say(b""))
        for client in clients:
            client.close()
        while b" 200 OK" not in self.server.say(head(b"Host: localhost", b"Connection: close")):
            pass

    def test_many_who_come_and_go(self):
        def visit(seed):
            chance = random.Random(seed)
            for _ in range(10):
                try:
                    job = self.server.submit(SMALL | {"seed": chance.randrange(100)})
                    what = chance.randrange(4)
                    if what == 0:
                        self.server.ask("DELETE", job["links"]["self"])
                    elif what == 1:
                        for _ in self.server.events(job):
                            break
                    elif what == 2:
                        self.server.wait_for(job)
                    else:
                        list(self.server.events(job))
                except Exception as error:  # shown by the main thread
                    failures.append(repr(error))

        failures = []
        visitors = [threading.Thread(target=visit, args=(seed,)) for seed in range(30)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        self.assertEqual(failures, [])
        for job in self.server.ask_json("GET", "/api/v1/jobs")["jobs"]:
            self.server.wait_for(job)
        while self.server.metric("sd35_sse_subscribers") > 0 or self.server.metric("sd35_queue_length") > 0:
            pass


class Tokens(unittest.TestCase):
    def test_an_open_address_needs_one(self):
        for environment in [{}, {"SD35_TOKEN": ""}]:
            refused = subprocess.run(
                [SD35, "serve", "--model", "x=nowhere", "--host", "0.0.0.0"], env=environment, capture_output=True, text=True
            )
            self.assertEqual(refused.returncode, 2)
            self.assertIn("--token-file", refused.stderr)

    def test_only_the_right_one_opens(self):
        server = Server(SD35, FOLDER, "--host", "0.0.0.0", environment={"SD35_TOKEN": "secret"})
        try:
            server.url = f"http://127.0.0.1:{server.port}"
            self.assertEqual(server.ask("GET", "/livez")[0], 200)
            for headers in [{}, {"Authorization": "Bearer secreT"}, {"Authorization": "Basic c2VjcmV0"}]:
                for method, path in [("GET", "/api/v1/models"), ("POST", "/api/v1/jobs"), ("GET", "/metrics")]:
                    self.assertEqual(server.ask(method, path, headers=headers)[0], 401)
            self.assertEqual(server.ask("GET", "/api/v1/models", headers={"Authorization": "Bearer secret"})[0], 200)
            self.assertEqual(server.ask("GET", "/api/v1/models", headers={"Authorization": "Basic YTpzZWNyZXQ="})[0], 200)
            # Who cannot show one uploads nothing.
            body = head(b"Host: a", b"Content-Type: application/json", b"Content-Length: 30000000", line=b"POST /api/v1/jobs HTTP/1.1")
            self.assertIn(b" 401 ", server.say(body))
        finally:
            self.assertEqual(server.end(), 0)


if __name__ == "__main__":
    SD35 = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as FOLDER:
        unittest.main(warnings="ignore")
