"""The same for an upload that comes in chunks: what was told of it must be there, and it must come to its end."""
import hashlib
import http.client
import random

from .engine import CALL_LIMIT, Lost
from .lab import Lab
from .registry_lab import RegistryLab

CHUNK = 700_000
CHUNKS = 3
DATA = random.Random(5).randbytes(CHUNK * CHUNKS)
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()
UPLOADS = "/v2/crash/chunks/blobs/uploads/"
BLOB = f"/v2/crash/chunks/blobs/{DIGEST}"


class ChunksLab(RegistryLab):
    def __init__(self, world, name):
        Lab.__init__(self, world, name)

    def begin(self, template):
        self.location = None  # of the upload
        self.told = 0  # bytes that an answer has acknowledged
        self.finished = False
        super().begin(template)

    def client(self, arguments):
        """One request of an upload: exit code and what was said."""
        try:
            status, text = getattr(self, arguments[0].lower())(*arguments[1:])
        except (OSError, http.client.HTTPException) as error:
            return 1, repr(error)
        return (0 if status < 300 else 1), text

    def post(self):
        status, headers, text = self.call("POST", UPLOADS)
        if status == 202:
            self.location = headers["Location"]
        return status, text

    def patch(self, begin=None, end=None):
        begin = self.told if begin is None else begin
        end = begin + CHUNK if end is None else end
        status, headers, text = self.call("PATCH", self.location, DATA[begin:end],
                                          {"Content-Range": f"{begin}-{end - 1}"})
        if status == 202:
            self.tell(headers)
            if self.told != end:
                raise Lost(f"a chunk to {end} was acknowledged as {self.told}")
        return status, text

    def get(self, path=None):
        if path is not None:
            return super().get(path)
        status, headers, text = self.call("GET", self.location)
        if status == 204:
            self.tell(headers)
        return status, text

    def put(self):
        status, _, text = self.call("PUT", f"{self.location}?digest={DIGEST}")
        self.finished = self.finished or status == 201
        return status, text

    def tell(self, headers):
        last = int(headers["Range"].split("-")[1])
        offset = 0 if last == 0 else last + 1
        if offset < self.told:
            raise Lost(f"acknowledged up to {self.told}, and now there are {offset} bytes")
        self.told = offset

    def call(self, method, path, body=b"", headers=None):
        connection = http.client.HTTPConnection(self.daemon.address, timeout=CALL_LIMIT)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode(errors="replace")
        finally:
            connection.close()

    def must(self, method, *arguments):
        code, text = self.client([method, *arguments])
        if code != 0:
            raise Lost(f"{method} of the upload at {self.told}: {text[-300:]}")

    def has_blob(self):
        return self.call("HEAD", BLOB)[0] == 200

    def check_images(self):
        if self.finished or self.has_blob():
            if super().get(BLOB) != DATA:
                raise Lost("the blob is damaged")
        elif self.told > 0:
            self.must("GET")

    def repeat(self, broken_off):
        """The client asks where it is, and goes on."""
        if self.has_blob():
            return
        if self.location is None or (self.told == 0 and self.client(["GET"])[0] != 0):
            self.must("POST")
        self.must("GET")
        if self.told < len(DATA):
            self.must("PATCH", self.told, len(DATA))
        self.must("PUT")
