FROM scratch
ADD --checksum=sha256:00 http://example.com/a http://example.com/b /a/
