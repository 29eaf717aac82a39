"""sd35 pull against a hub on loopback: pull_test.py SD35"""

import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from stand_in_hub import StandInHub

sd35 = os.path.abspath(sys.argv[1])
work = pathlib.Path(tempfile.mkdtemp())
passed, failed = 0, []


def check(name, condition, about=""):
    global passed
    if condition:
        passed += 1
    else:
        failed.append(name)
        print(f"FAILED: {name} {about}", file=sys.stderr)


def pull(hub, cache, *arguments, name="maker/model", token=None, **more):
    environment = {"PATH": os.environ["PATH"], "HOME": str(work / "home"), "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(cache), **more}
    if token:
        environment["HF_TOKEN"] = token
    return subprocess.run([sd35, "pull", name, *arguments], capture_output=True, text=True, env=environment, timeout=120)


def refused(name, result, code, *words):
    lines = [line for line in result.stderr.splitlines() if line.startswith("sd35: ")]
    check(name, result.returncode == code and len(lines) == 1 and all(word in lines[0] for word in words), f"{result.returncode}: {result.stderr}")


def model_files():
    """A tiny model, and beside it what nobody needs."""
    folder = work / "tiny"
    subprocess.run([sd35, "make-random-model", "--size", "tiny", "--seed", "7", "--quiet", "-o", str(folder)], check=True)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return files, {
        "README.md": b"words",
        "sd3.5_medium.safetensors": b"all once more",
        "text_encoder/model.fp16.safetensors": b"in another type",
        "transformer/diffusion_pytorch_model.bf16.safetensors": b"in another type",
        "text_encoders/clip_g.safetensors": b"for other programs",
    }


needed, others = model_files()
hub = StandInHub({**needed, **others})
snapshot = lambda cache: cache / "models--maker--model" / "snapshots" / hub.commit

# A whole model.
cache = work / "cache"
result = pull(hub, cache)
check("a model comes", result.returncode == 0, result.stderr)
check("its folder is said", result.stdout.strip() == str(snapshot(cache)), result.stdout)
check("its licence is said", "a licence" in result.stderr)
there = {str(path.relative_to(snapshot(cache))) for path in snapshot(cache).rglob("*") if path.is_file()}
check("what is needed is there, and nothing else", there == set(needed), there ^ set(needed))
check("byte for byte", all((snapshot(cache) / path).read_bytes() == content for path, content in needed.items()))
check("as links to blobs", all((snapshot(cache) / path).is_symlink() for path in needed))
check("the branch is known", (cache / "models--maker--model/refs/main").read_text() == hub.commit)
check("nothing is left half", not list(cache.rglob("*.incomplete")))
draw = [sd35, "generate", "-m", "maker/model", "-p", "cat", "-W", "64", "-H", "64", "--steps", "2", "--max-sequence-length", "16", "--quiet"]
drawn = subprocess.run([*draw, "-o", str(work / "cat.png")], env={**os.environ, "HF_HUB_CACHE": str(cache)}, capture_output=True, text=True)
check("its name draws", drawn.returncode == 0, drawn.stderr)
hub.seen.clear()
result = pull(hub, cache)
check("again, nothing comes", result.returncode == 0 and "0 came now" in result.stderr and len(hub.seen) == 1, result.stderr)

# Parts of it.
result = pull(hub, work / "parts", "vae/*", "--quiet")
there = {str(path.relative_to(snapshot(work / "parts"))) for path in snapshot(work / "parts").rglob("*") if path.is_file()}
check("files by a pattern", there == {path for path in needed if path.startswith("vae/")}, there)
check("quietly", result.stderr == "", result.stderr)
pull(hub, work / "without", "--no-t5")
check("without T5", not (snapshot(work / "without") / "text_encoder_3").exists() and (snapshot(work / "without") / "vae").exists())
refused("a pattern of nothing", pull(hub, work / "none", "*.gguf"), 2, "*.gguf", "model_index.json")
check("by its commit", pull(hub, work / "commit", "--revision", hub.commit).returncode == 0)

# Networks.
large = random.Random(1).randbytes(3_000_000)
files = {"config.json": b"{}", "weights.safetensors": large}
hub = StandInHub(files)
hub.cut_after = 700_000
result = pull(hub, work / "cut")
check("connections that are cut go on", result.returncode == 0 and (snapshot(work / "cut") / "weights.safetensors").read_bytes() == large, result.stderr)
check("from where they were", "bytes=700000-" in [seen[2] for seen in hub.seen], hub.seen)
hub.ignore_ranges, hub.cut_after = True, None
incomplete = work / "restart/models--maker--model/blobs"
incomplete.mkdir(parents=True)
blob = next(path.name for path in (work / "cut/models--maker--model/blobs").iterdir() if path.stat().st_size == len(large))
(incomplete / (blob + ".incomplete")).write_bytes(large[:1000])
result = pull(hub, work / "restart")
check("a hub without ranges begins again", result.returncode == 0 and (snapshot(work / "restart") / "weights.safetensors").read_bytes() == large, result.stderr)
hub.ignore_ranges = False
hub.cut_after = 0
refused("one that never sends", pull(hub, work / "never"), 3, "does not come", "next pull goes on")
hub.cut_after = None
hub.change["weights.safetensors"] = large[:-1] + b"x"
refused("other content", pull(hub, work / "other"), 3, "weights.safetensors", "other content")
check("leaves nothing", not (snapshot(work / "other") / "weights.safetensors").exists() and not list((work / "other").rglob("*.incomplete")))
hub.change["weights.safetensors"] = large + b"more"
refused("longer content", pull(hub, work / "longer"), 3, "other content")
hub.change.clear()
half = work / "half/models--maker--model/blobs"
half.mkdir(parents=True)
(half / (blob + ".incomplete")).write_bytes(b"not the beginning of it")
result = pull(hub, work / "half")
check("a beginning of something else is not kept", result.returncode == 0 and (snapshot(work / "half") / "weights.safetensors").read_bytes() == large, result.stderr)

# Who may.
hub.token = "secret"
hub.seen.clear()
refused("a gated model without a token", pull(hub, work / "gated"), 3, "accept their terms", hub.url + "/maker/model", "log in")
check("with the token", pull(hub, work / "gated", token="secret").returncode == 0)
check("which goes to the hub alone", {seen[3] for seen in hub.seen if seen[0].startswith("localhost")} <= {None}, hub.seen)
(work / "home/.cache/huggingface").mkdir(parents=True)
(work / "home/.cache/huggingface/token").write_text("secret\n")
check("or the one of the log-in", pull(hub, work / "login").returncode == 0)
hub.accepted = False
refused("whose owner has not accepted", pull(hub, work / "terms"), 3, "accept their terms", "account")
hub.token, hub.accepted = None, True
refused("another name", pull(hub, work / "no", name="maker/nothing"), 3, "maker/nothing")
refused("another revision", pull(hub, work / "no", "--revision", "dev"), 3, "Invalid rev id")
refused("what is no name", pull(hub, work / "no", name="model"), 2, "not the name of a model")
refused("a revision that leads elsewhere", pull(hub, work / "no", "--revision", "../x"), 2, "revision")
refused("nobody there", pull(hub, work / "no", HF_ENDPOINT="http://127.0.0.1:1"), 3, "127.0.0.1:1")
refused("an address that is none", pull(hub, work / "no", HF_ENDPOINT="ftp://hub"), 2, "https://")
hub.fail_first = 1
refused("a hub that is busy", pull(hub, work / "no"), 3, "answered 503")
hub.outside = True
refused("a list that names files elsewhere", pull(hub, work / "no"), 3, "lies outside")
hub.outside = False

# Several at once, and one that is stopped.
several = [
    subprocess.Popen([sd35, "pull", "maker/model", "--quiet"], env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(work / "several")}, stdout=subprocess.DEVNULL)
    for _ in range(4)
]
check("four at once", [process.wait() for process in several] == [0] * 4 and (snapshot(work / "several") / "weights.safetensors").read_bytes() == large)
hub.cut_after = 0
stopped = subprocess.Popen([sd35, "pull", "maker/model"], env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(work / "stopped")}, stderr=subprocess.DEVNULL)
time.sleep(0.7)
stopped.send_signal(signal.SIGINT)
check("Ctrl-C stops", stopped.wait(timeout=10) == 130)
hub.cut_after = None
check("and the next goes on", pull(hub, work / "stopped").returncode == 0)
if os.getuid() == 0:
    small = work / "small"
    small.mkdir()
    command = f'mount -t tmpfs -o size=1m none {small} && exec "$0" pull maker/model'
    full = subprocess.run(["unshare", "-m", "sh", "-c", command, sd35], env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(small)}, capture_output=True, text=True)
    refused("a disk without room", full, 3, "MB")

print(f"{passed} passed, {len(failed)} failed")
sys.exit(1 if failed else 0)
