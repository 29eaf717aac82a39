"""A hub of models on loopback, with the faults that real ones have. It speaks as much of the Hugging Face hub's language as a
client needs: the list of files, and files by redirects to another host name, with ranges."""

import hashlib
import http.server
import json
import threading
import urllib.parse


def git_name(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class StandInHub:
    def __init__(self, files, commit="a" * 40, license_name="a licence"):
        self.files, self.commit, self.license_name = files, commit, license_name
        self.token = None  # needed for files
        self.accepted = True  # the terms, by the owner of the token
        self.cut_after = None  # bytes of a file, in each connection
        self.fail_first = 0  # answers 503
        self.ignore_ranges = False
        self.change = {}  # path -> what is sent in its place
        self.outside = False  # lists a file that lies elsewhere
        self.seen = []  # (host, path, range, authorization)
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                hub.answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *about: None  # clients that are cut off
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def is_large(self, path):
        return path.endswith(".safetensors")

    def listing(self):
        siblings = []
        for path, content in self.files.items():
            entry = {"rfilename": path, "size": len(content), "blobId": git_name(content)}
            if self.is_large(path):
                entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        if self.outside:
            siblings.append({"rfilename": "../../outside", "size": 1, "blobId": "b" * 40})
        return {"id": "maker/model", "sha": self.commit, "siblings": siblings, "cardData": {"license": "other", "license_name": self.license_name}}

    def send(self, request, status, body=b"", **headers):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def answer(self, request):
        url = urllib.parse.urlparse(request.path)
        path = urllib.parse.unquote(url.path)
        self.seen.append((request.headers["Host"], path, request.headers["Range"], request.headers["Authorization"]))
        if self.fail_first > 0:
            self.fail_first -= 1
            return self.send(request, 503)
        if path.startswith("/api/models/maker/model/revision/"):
            if path.rsplit("/", 1)[1] not in ("main", self.commit):
                return self.send(request, 404, X_Error_Code="RevisionNotFound", X_Error_Message="Invalid rev id")
            return self.send(request, 200, json.dumps(self.listing()).encode(), Content_Type="application/json")
        if path.startswith(f"/maker/model/resolve/{self.commit}/"):
            if self.token and request.headers["Authorization"] != f"Bearer {self.token}":
                return self.send(request, 401, X_Error_Code="GatedRepo", X_Error_Message="Access is restricted")
            if not self.accepted:
                return self.send(request, 403, X_Error_Code="GatedRepo", X_Error_Message="You are not in the authorized list")
            name = path.split(f"/resolve/{self.commit}/", 1)[1]
            if not self.is_large(name):
                return self.send_file(request, name)
            # Large files lie on a machine of another name.
            return self.send(request, 302, Location=f"http://localhost:{self.port}/cdn/{urllib.parse.quote(name)}")
        if path.startswith("/cdn/"):
            return self.send_file(request, path[len("/cdn/") :])
        return self.send(request, 404, X_Error_Code="RepoNotFound")

    def send_file(self, request, name):
        content = self.change.get(name, self.files[name])
        begin = 0
        wanted = request.headers["Range"]
        if wanted and not self.ignore_ranges:
            begin = int(wanted.removeprefix("bytes=").split("-")[0])
            if begin >= len(content):
                return self.send(request, 416)
        rest = content[begin:]
        request.send_response(206 if begin else 200)
        request.send_header("Content-Length", str(len(rest)))
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        request.end_headers()
        if self.cut_after is not None and len(rest) > self.cut_after:
            request.wfile.write(rest[: self.cut_after])
            request.wfile.flush()
            request.close_connection = True
            request.connection.close()
            return
        request.wfile.write(rest)
