#!/usr/bin/env python3
"""Clients of other people, unmodified: foreign_clients_test.py SD35"""

import base64
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it looks for a list of prices on the network first

import litellm
import openai
import openai.types
import webuiapi
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from running_server import LONG, SMALL, Server

SD35 = ""
FOLDER = ""
EXTRA = {"steps": 3, "seed": 7, "max_sequence_length": 16, "guidance_scale": 4.5}


def png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


class OpenAi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SD35, FOLDER, "--queue", "2", environment={"SD35_TOKEN": "secret"})
        cls.server_headers = {"Authorization": "Bearer secret"}
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key="secret", max_retries=0)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0, cls.server.text_of_log()[-2000:]

    def generate(self, **more):
        return self.client.images.generate(**({"model": "gpt-image-1", "prompt": "a red cube", "size": "64x64", "extra_body": EXTRA} | more))

    def test_pictures_are_those_of_the_command_line(self):
        drawn = pathlib.Path(FOLDER) / "openai.png"
        subprocess.run(
            [SD35, "generate", "-m", self.server.model, "--dtype", "f32", "-p", "a red cube", "-W", "64", "-H", "64", "--steps", "3",
             "-g", "4.5", "--max-sequence-length", "16", "--seed", "7", "--quiet", "-o", drawn], check=True,
        )
        answer = self.generate()
        self.assertEqual(base64.b64decode(answer.data[0].b64_json), drawn.read_bytes())
        # As the client's own types have it, to the letter.
        openai.types.ImagesResponse.model_validate(answer.model_dump(exclude_unset=True), strict=True)
        self.assertGreater(answer.usage.input_tokens, 0)

    def test_several_in_other_formats(self):
        answer = self.generate(n=2, output_format="webp", output_compression=50, quality="low")
        for image in answer.data:
            picture = Image.open(io.BytesIO(base64.b64decode(image.b64_json)))
            self.assertEqual((picture.format, picture.size), ("WEBP", (64, 64)))

    def test_links(self):
        answer = self.generate(model="dall-e-3", response_format="url")
        path = answer.data[0].url.removeprefix(self.server.url)
        self.assertEqual(self.server.ask("GET", path, headers=self.server_headers)[0], 200)

    def test_streams(self):
        events = list(self.generate(stream=True, partial_images=2, extra_body=EXTRA | {"steps": 12}))
        self.assertEqual(
            [event.type for event in events],
            ["image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"],
        )
        for number, event in enumerate(events[:2]):
            self.assertEqual(event.partial_image_index, number)
        for event in events:
            self.assertEqual(Image.open(io.BytesIO(base64.b64decode(event.b64_json))).size, (64, 64))

    def test_edits(self):
        picture = Image.new("RGB", (64, 64), (200, 100, 50))
        mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
        mask.paste((0, 0, 0, 0), (0, 0, 16, 64))
        answer = self.client.images.edit(image=("a.png", png(picture)), mask=("m.png", png(mask)), prompt="a cat", model="gpt-image-1", extra_body=EXTRA)
        drawn = Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json))).convert("RGB")
        self.assertEqual(drawn.getpixel((63, 32)), (200, 100, 50))
        self.assertNotEqual(drawn.getpixel((2, 32)), (200, 100, 50))
        events = list(self.client.images.edit(image=png(picture), prompt="a cat", stream=True, partial_images=1, extra_body=EXTRA | {"steps": 8}))
        self.assertEqual([event.type for event in events], ["image_edit.partial_image", "image_edit.completed"])

    def test_errors_have_their_classes(self):
        for error, more in {
            openai.BadRequestError: {"size": "500x500"},
            openai.NotFoundError: {"model": "nothing"},
        }.items():
            with self.assertRaises(error) as raised:
                self.generate(**more)
            self.assertIn(raised.exception.param, more)
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(base_url=self.server.url + "/v1", api_key="wrong", max_retries=0).models.list()

    def test_a_full_queue_is_tried_again(self):
        submit = lambda: self.server.ask("POST", "/api/v1/jobs", LONG, self.server_headers)[0]
        submit()
        while self.server.ask_json("GET", "/api/v1/jobs", headers=self.server_headers)["jobs"][0]["status"] == "queued":
            time.sleep(0.01)
        while submit() == 202:
            pass
        with self.assertRaises(openai.RateLimitError):
            self.generate()
        patient = self.client.with_options(max_retries=5)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            patient.images.generate(model="tiny", prompt="a red cube", size="64x64", extra_body=EXTRA)))
        waiting.start()
        time.sleep(0.2)
        for job in self.server.ask_json("GET", "/api/v1/jobs", headers=self.server_headers)["jobs"]:
            self.server.ask("DELETE", job["links"]["self"], headers=self.server_headers)
        waiting.join()
        self.assertEqual(len(answers[0].data), 1)

    def test_models(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["tiny"])
        self.assertEqual(self.client.models.retrieve("tiny").owned_by, "sd35")

    def test_a_client_that_goes_away_cancels(self):
        impatient = self.client.with_options(timeout=0.3)
        with self.assertRaises(openai.APITimeoutError):
            impatient.images.generate(prompt="a red cube", size="256x256", model="tiny", n=10, extra_body=EXTRA | {"steps": 150})
        while (state := self.server.ask_json("GET", "/api/v1/jobs", headers=self.server_headers)["jobs"][0])["status"] in ("queued", "running"):
            time.sleep(0.01)
        self.assertEqual(state["status"], "cancelled")


if "SD35_NPM_CLIENT" in os.environ:

    class OpenAiForJavaScript(unittest.TestCase):
        def test_draws_streams_edits_and_lists(self):
            server = Server(SD35, FOLDER)
            run = subprocess.run(["node", os.environ["SD35_NPM_CLIENT"], server.url], capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(server.end(), 0)


class A1111(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SD35, FOLDER, environment={"SD35_TOKEN": "secret"})
        cls.api = webuiapi.WebUIApi(host="127.0.0.1", port=cls.server.port, sampler="Euler a", steps=3)
        cls.api.set_auth("anybody", "secret")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0, cls.server.text_of_log()[-2000:]

    def test_text_to_image(self):
        result = self.api.txt2img(prompt="a red cube", seed=7, width=64, height=64, batch_size=2, cfg_scale=4.5)
        self.assertEqual([image.size for image in result.images], [(64, 64)] * 2)
        self.assertEqual(result.info["all_seeds"], [7, 8])
        self.assertEqual(result.info["sampler_name"], "Euler a")
        self.assertIn("Steps: 3", self.api.png_info(result.image).info or result.info["infotexts"][0])

    def test_image_to_image(self):
        picture = Image.new("RGB", (64, 64), (200, 100, 50))
        mask = Image.new("RGB", (64, 64))
        mask.paste((255, 255, 255), (0, 0, 16, 64))
        drawn = self.api.img2img(images=[picture], mask_image=mask, mask_blur=0, prompt="a cat", width=64, height=64, inpaint_full_res=False).image
        self.assertEqual(drawn.convert("RGB").getpixel((63, 32)), (200, 100, 50))
        self.assertNotEqual(drawn.convert("RGB").getpixel((2, 32)), (200, 100, 50))

    def test_lists_and_options(self):
        self.assertEqual(self.api.util_get_model_names(), ["tiny"])
        self.assertIn("Euler a", self.api.util_get_sampler_names())
        self.assertIn("automatic", [name.lower() for name in self.api.util_get_scheduler_names()])
        self.api.util_set_model("tiny")
        self.assertEqual(self.api.util_get_current_model(), "tiny")
        for ask in ("get_scripts", "get_loras", "get_upscalers", "get_sd_vae", "get_embeddings", "get_memory", "get_cmd_flags",
                    "get_hypernetworks", "get_face_restorers", "get_realesrgan_models", "get_prompt_styles", "refresh_checkpoints"):
            getattr(self.api, ask)()

    def test_interrupting(self):
        results = []
        drawing = threading.Thread(target=lambda: results.append(self.api.txt2img(prompt="a", steps=150, width=256, height=256, n_iter=10)))
        drawing.start()
        while self.api.get_progress()["state"]["sampling_step"] < 2:
            time.sleep(0.01)
        self.assertGreater(self.api.get_progress()["progress"], 0)
        self.api.interrupt()
        drawing.join()
        self.assertLess(len(results[0].images), 10)
        self.api.util_wait_for_ready(0.05)

    def test_errors(self):
        with self.assertRaises(RuntimeError) as raised:
            self.api.txt2img(prompt="a", sampler_name="magic")
        self.assertEqual(raised.exception.args[0], 400)
        with self.assertRaises(RuntimeError) as raised:
            self.api.txt2img(prompt="a", enable_hr=True)
        self.assertEqual(raised.exception.args[0], 422)


class LiteLlm(unittest.TestCase):
    def test_its_extra_fields_reach_the_server(self):
        server = Server(SD35, FOLDER)
        ask = lambda **more: litellm.image_generation(
            model="openai/tiny", prompt="a red cube", size="64x64", api_base=server.url + "/v1", api_key="any", **more)
        pictures = [ask(seed=seed, steps=3).data[0].b64_json for seed in (7, 7, 8)]
        self.assertEqual(pictures[0], pictures[1])
        self.assertNotEqual(pictures[0], pictures[2])
        with self.assertRaises(litellm.exceptions.BadRequestError):
            ask(output_format="gif")
        self.assertEqual(server.end(), 0)


class Schemathesis(unittest.TestCase):
    def test_answers_are_as_they_are_described(self):
        server = Server(SD35, FOLDER, "--queue", "10")
        # Left out: /readyz is 503 when the queue is full, a picture may be valid base64 and no picture, and what is cancelled can still be looked at.
        run = subprocess.run(
            [pathlib.Path(sys.executable).parent / "st", "run", server.url + "/openapi.json", "--checks", "all", "--exclude-checks",
             "positive_data_acceptance,use_after_free", "--exclude-path", "/readyz", "--max-examples", "10", "--seed", "1", "--no-color"],
            capture_output=True, text=True, cwd=FOLDER,
        )
        self.assertEqual(run.returncode, 0, run.stdout[-9000:] + run.stderr[-2000:])
        self.assertEqual(server.end(), 0)


class Prometheus(unittest.TestCase):
    def test_reads_the_metrics(self):
        server = Server(SD35, FOLDER)
        server.wait_for(server.submit(SMALL))
        families = {family.name: family for family in text_string_to_metric_families(server.ask("GET", "/metrics")[2].decode())}
        self.assertEqual(families["sd35_step_seconds"].type, "histogram")
        self.assertEqual([sample.value for sample in families["sd35_jobs"].samples if sample.labels["status"] == "done"], [1])
        self.assertEqual(server.end(), 0)


if __name__ == "__main__":
    SD35 = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as FOLDER:
        unittest.main(warnings="ignore")
