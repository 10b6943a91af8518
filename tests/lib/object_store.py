"""An object store of the S3 kind, as small as rclone and ClickHouse can do with: put, head, list,
get with ranges. An object is there whole or not at all; who asks is not looked at."""
import hashlib
import os
import tempfile
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import escape

ADDRESS = ("127.0.0.1", 9000)
URL = "http://%s:%d" % ADDRESS
# What ship.conf says of it, as the remote "store".
REMOTE = {f"RCLONE_CONFIG_STORE_{key}": value for key, value in (
    ("TYPE", "s3"), ("PROVIDER", "Minio"), ("ENDPOINT", URL), ("ACCESS_KEY_ID", "telemetry"),
    ("SECRET_ACCESS_KEY", "secret"), ("NO_CHECK_BUCKET", "true"))}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root = None  # objects are files below it; those in .parts are on their way
    log_message = lambda *_: None

    def setup(self):
        super().setup()
        url = urllib.parse.urlsplit
        self.split = lambda: url(self.path)

    def object(self):
        return self.root / urllib.parse.unquote(self.split().path).lstrip("/")

    def answer(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self):
        left, digest = int(self.headers["Content-Length"]), hashlib.md5()
        with tempfile.NamedTemporaryFile(dir=self.root / ".parts", delete=False) as part:
            while left:
                data = self.rfile.read1(min(left, 65536))
                if not data:
                    os.unlink(part.name)  # the client is gone
                    self.close_connection = True
                    return
                digest.update(data)
                part.write(data)
                left -= len(data)
        for name, value in self.headers.items():
            if name.lower().startswith("x-amz-meta-"):
                os.setxattr(part.name, f"user.{name.lower()}", value.encode())
        self.object().parent.mkdir(parents=True, exist_ok=True)
        os.rename(part.name, self.object())
        self.answer(200, ETag=f'"{digest.hexdigest()}"')

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.command == "GET" and self.split().path.count("/", 1, -1) == 0:
            self.answer(200, self.listing().encode(), Content_Type="application/xml")
            return
        if not self.object().is_file():
            self.answer(404)
            return
        data, code, headers = self.object().read_bytes(), 200, {}
        headers = {name[5:].replace("-", "_"): os.getxattr(self.object(), name).decode()
                   for name in os.listxattr(self.object()) if name.startswith("user.x-amz-")}
        headers["ETag"] = f'"{hashlib.md5(data).hexdigest()}"'
        headers["Last_Modified"] = self.date_time_string(self.object().stat().st_mtime)
        asked = self.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            size, first = len(data), int(first)
            data = data[first:int(last or size - 1) + 1]
            code, headers["Content_Range"] = 206, f"bytes {first}-{first + len(data) - 1}/{size}"
        self.answer(code, data, Content_Length=str(len(data)), **headers)

    def listing(self):
        query = dict(urllib.parse.parse_qsl(self.split().query))
        bucket = self.root / self.split().path.strip("/").split("/")[0]
        keys = sorted(str(path.relative_to(bucket)) for path in bucket.rglob("*") if path.is_file())
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        keys = [key for key in keys if key.startswith(prefix)]
        ends = {key: key.find(delimiter, len(prefix)) if delimiter else -1 for key in keys}
        rows = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in
                       sorted({key[:end + 1] for key, end in ends.items() if end >= 0}))
        for key in (key for key, end in ends.items() if end < 0):
            data = (bucket / key).read_bytes()
            rows += (f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><LastModified>"
                     "2026-11-22T20:15:00.000Z</LastModified><ETag>"
                     f'"{hashlib.md5(data).hexdigest()}"</ETag></Contents>')
        return (f"<ListBucketResult><Name>{bucket.name}</Name><Prefix>{escape(prefix)}</Prefix>"
                f"<IsTruncated>false</IsTruncated>{rows}</ListBucketResult>")


def serve(stopping, root):
    """Until it is asked to stop."""
    Handler.root = Path(root)
    (Handler.root / ".parts").mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(ADDRESS, Handler)
    server.daemon_threads, server.timeout = True, 0.05
    server.handle_error = lambda *_: None  # a client was killed
    while not stopping():
        server.handle_request()
    server.server_close()
