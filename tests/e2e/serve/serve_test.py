#!/usr/bin/env python3
"""The server from the outside: serve_test.py SD35"""

import base64
import gzip
import json
import os
import struct
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from running_server import LONG, SMALL, Server

SD35 = ""
FOLDER = ""


class OwnApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SD35, FOLDER)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0, cls.server.text_of_log()[-2000:]

    def test_pictures_are_those_of_the_command_line(self):
        drawn = pathlib.Path(FOLDER) / "cli.png"
        subprocess.run(
            [SD35, "generate", "-m", self.server.model, "--dtype", "f32", "-p", "a red cube", "-W", "64", "-H", "64", "--steps", "3",
             "--max-sequence-length", "16", "--seed", "7", "--quiet", "-o", drawn], check=True,
        )
        job = self.server.submit(SMALL | {"seed": 7})
        done = self.server.wait_for(job)
        status, headers, picture = self.server.ask("GET", done["images"][0]["url"])
        self.assertEqual((status, headers["Content-Type"]), (200, "image/png"))
        self.assertEqual(picture, drawn.read_bytes())
        settings = self.server.ask_json("POST", "/api/v1/recipe", {"image": base64.b64encode(picture).decode()})
        self.assertEqual((settings["prompt"], settings["seed"], settings["model"]), ("a red cube", 7, "tiny"))

    def test_events_come_in_order_while_it_is_drawn(self):
        job = self.server.submit(SMALL | {"num_inference_steps": 20, "previews": True})
        names = [name for name, _ in self.server.events(job)]
        self.assertEqual(names[-1], "done")
        self.assertIn("preview", names)
        self.assertIn("progress", names)
        self.assertEqual(names.count("done"), 1)
        job = self.server.submit(LONG)
        for name, data in self.server.events(job):
            if name == "progress" and data["step"] > 1:
                self.server.ask("DELETE", job["links"]["self"])
            last = name
        self.assertEqual(last, "cancelled")

    def test_a_repeated_prompt_is_not_encoded_again(self):
        prompt = {"prompt": "a prompt that nobody else uses"}
        stages = lambda: self.server.ask("GET", "/metrics")[2].decode()
        self.server.wait_for(self.server.submit(SMALL | prompt))
        first = stages()
        job = self.server.submit(SMALL | prompt)
        loads = [data["stage"] for name, data in self.server.events(job) if name == "progress"]
        self.assertNotIn("load", loads)
        self.assertIn("sd35_job_seconds", first)

    def test_the_log_has_a_line_for_each_request(self):
        self.server.ask("GET", "/api/v1/nothing?secret=1")
        _, headers, _ = self.server.ask("GET", "/api/v1/models")
        log = self.server.text_of_log()
        self.assertIn(f"id={headers['X-Request-Id']} peer=127.0.0.1 method=GET route=/api/v1/models code=200", log)
        self.assertNotIn("secret", log)
        self.assertNotIn("a red cube", log)


def write_lora(path):
    """Of one layer of the tiny model: rank 2, not small."""
    shapes = {"lora_A": [2, 96], "lora_B": [96, 2]}
    header, data = {}, b""
    for part, shape in shapes.items():
        values = struct.pack("<192f", *((i % 7 - 3) / 2 for i in range(192)))
        header[f"transformer.transformer_blocks.0.attn.to_q.{part}.weight"] = {
            "dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]
        }
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Loras(unittest.TestCase):
    def test_each_request_has_its_own(self):
        folder = pathlib.Path(FOLDER) / "loras"
        folder.mkdir()
        write_lora(folder / "ink.safetensors")
        (folder / "broken.safetensors").write_bytes(b"x")
        server = Server(SD35, FOLDER, "--loras", folder)
        self.assertEqual(server.ask_json("GET", "/api/v1/loras"), {"loras": [{"name": "broken"}, {"name": "ink"}]})

        def draw(**more):
            done = server.wait_for(server.submit(SMALL | {"seed": 7} | more))
            return done, server.ask("GET", done["images"][0]["url"])[2] if done["images"] else None

        plain, with_lora, again = draw()[1], draw(loras=[{"name": "ink", "weight": 0.8}])[1], draw()[1]
        self.assertEqual(plain, again)
        drawn = pathlib.Path(FOLDER) / "lora.png"
        subprocess.run(
            [SD35, "generate", "-m", server.model, "--dtype", "f32", "-p", "a red cube", "-W", "64", "-H", "64", "--steps", "3", "--seed", "7",
             "--max-sequence-length", "16", "--attach-lora", f"{folder}/ink.safetensors:0.8", "--quiet", "-o", drawn], check=True,
        )
        self.assertEqual(with_lora, drawn.read_bytes())
        self.assertNotEqual(with_lora, plain)
        # The A1111 way.
        body = {"prompt": "a red cube <lora:ink:0.8>", "width": 64, "height": 64, "steps": 3, "seed": 7}
        self.assertEqual(server.ask("POST", "/sdapi/v1/txt2img", body)[0], 200)
        failed, _ = draw(loras=[{"name": "broken"}])
        self.assertEqual((failed["status"], failed["error"]["code"]), ("failed", "file_error"))
        self.assertNotIn(FOLDER, json.dumps(failed))
        self.assertIn("broken.safetensors", server.text_of_log())
        settings = server.ask_json("POST", "/api/v1/recipe", {"image": base64.b64encode(with_lora).decode()})
        self.assertEqual(settings["loras"], [{"name": "ink", "weight": 0.8}])
        self.assertEqual(server.end(), 0)


class Ends(unittest.TestCase):
    def test_jobs_are_told_when_the_server_stops(self):
        server = Server(SD35, FOLDER, "--drain", "0s")
        drawn, waits = server.submit(LONG), server.submit(SMALL)
        events = {job["id"]: server.events(job) for job in (drawn, waits)}
        for name, _ in events[drawn["id"]]:
            if name == "progress":
                break
        self.assertEqual(next(events[waits["id"]])[0], "queued")
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(list(events[drawn["id"]])[-1][0], "cancelled")
        name, data = list(events[waits["id"]])[-1]
        self.assertEqual((name, data["error"]["code"]), ("failed", "server_stopping"))
        self.assertEqual(server.end(signals=()), 0)

    def test_the_picture_in_progress_is_finished(self):
        server = Server(SD35, FOLDER)
        job = server.submit(SMALL | {"num_inference_steps": 150, "width": 128, "height": 128})
        events = server.events(job)
        for name, _ in events:
            if name == "progress":
                break
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(list(events)[-1][0], "done")
        self.assertEqual(server.end(signals=()), 0)

    def test_one_that_is_killed_leaves_nothing_behind(self):
        folder = pathlib.Path(FOLDER) / "empty"
        folder.mkdir()
        server = Server(SD35, FOLDER, environment={"TMPDIR": str(folder)})
        for name, _ in server.events(server.submit(LONG)):
            if name == "progress":
                break
        self.assertEqual(server.end(signals=(signal.SIGKILL,)), -signal.SIGKILL)
        self.assertEqual(os.listdir(folder), [])

    def test_an_idle_server_ends_at_once(self):
        server = Server(SD35, FOLDER)
        with socket.create_connection(("127.0.0.1", server.port)) as idle:
            self.assertEqual(server.end(), 0)
            self.assertEqual(idle.recv(1), b"")

    def test_a_port_that_is_taken_is_one_line(self):
        server = Server(SD35, FOLDER)
        taken = subprocess.run([SD35, "serve", "--model", server.model, "--port", str(server.port)], capture_output=True, text=True)
        self.assertEqual(taken.returncode, 3)
        self.assertEqual(taken.stderr.count("\n"), 1, taken.stderr)
        self.assertIn("cannot listen", taken.stderr)
        self.assertEqual(server.end(), 0)


class Options(unittest.TestCase):
    def refused(self, *arguments, code=2):
        refused = subprocess.run([SD35, "serve", *arguments], capture_output=True, text=True, env={})
        self.assertEqual(refused.returncode, code, refused.stderr)
        self.assertEqual(refused.stderr.count("\n"), 1, refused.stderr)
        return refused.stderr

    def test_what_makes_no_sense_is_refused(self):
        self.assertIn("which model?", self.refused())
        self.assertIn("nowhere", self.refused("--model", "nowhere", code=3))
        self.assertIn("small letters", self.refused("--model", "A B=x"))
        self.assertIn("--port", self.refused("--model", "x", "--port", "70000"))
        self.assertIn("--drain", self.refused("--model", "x", "--drain", "soon"))
        self.assertIn("token", self.refused("--model", "x", "--token-file", "nowhere", code=3))
        self.assertIn("address", self.refused("--model", str(pathlib.Path(FOLDER) / "tiny"), "--host", "example.org", code=2))

    def test_the_page_of_a_folder(self):
        folder = pathlib.Path(FOLDER) / "page"
        folder.mkdir()
        self.assertIn("index.html", self.refused("--model", str(pathlib.Path(FOLDER) / "tiny"), "--page", str(folder)))
        (folder / "index.html").write_text("<p>hello")
        server = Server(SD35, FOLDER, "--page", folder, "--log", "json", environment={"SD35_TOKEN": "secret"})
        status, headers, body = server.ask("GET", "/")
        self.assertEqual((status, body), (200, b"<p>hello"))
        self.assertIn("default-src 'self'", headers["Content-Security-Policy"])
        self.assertEqual(server.ask("GET", "/", headers={"If-None-Match": headers["ETag"]})[0], 304)
        self.assertEqual(server.ask("GET", "/app.js")[0], 404)
        self.assertEqual(server.ask("GET", "/api/v1/models")[0], 401)
        self.assertEqual(server.end(), 0)
        lines = [json.loads(line) for line in server.text_of_log().splitlines()]
        self.assertEqual(lines[0]["route"], "/")

    def test_the_page_that_is_built_in(self):
        dist = pathlib.Path(__file__).resolve().parents[3] / "web" / "dist"
        server = Server(SD35, FOLDER)
        for name, path in {"index.html": "/", "app.js": "/app.js", "app.css": "/app.css"}.items():
            status, headers, body = server.ask("GET", path)
            if not (dist / name).exists():  # then the program has none
                self.assertEqual(status, 404)
                continue
            self.assertEqual((status, body), (200, (dist / name).read_bytes()))
            self.assertEqual(headers["Cache-Control"], "no-cache")
            packed, packed_headers, packed_body = server.ask("GET", path, headers={"Accept-Encoding": "gzip"})
            self.assertEqual((packed, packed_headers["Content-Encoding"]), (200, "gzip"))
            self.assertEqual(gzip.decompress(packed_body), body)
            self.assertNotEqual(packed_headers["ETag"], headers["ETag"])
            self.assertEqual(server.ask("GET", path, headers={"If-None-Match": headers["ETag"]})[0], 304)
        self.assertEqual(server.end(), 0)

    def test_without_the_page(self):
        server = Server(SD35, FOLDER, "--no-page")
        self.assertEqual(server.ask("GET", "/")[0], 404)
        self.assertEqual(server.end(), 0)

    def test_idle_models_leave_memory(self):
        server = Server(SD35, FOLDER, "--unload-after", "1s")
        server.wait_for(server.submit(SMALL))
        self.assertEqual(server.metric("sd35_models_loaded"), 1)
        while server.metric("sd35_models_loaded") > 0:
            time.sleep(0.05)
        self.assertEqual(server.wait_for(server.submit(SMALL))["status"], "done")
        self.assertEqual(server.end(), 0)


if __name__ == "__main__":
    SD35 = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as FOLDER:
        Server(SD35, FOLDER).end()  # makes the model
        unittest.main(warnings="ignore")
