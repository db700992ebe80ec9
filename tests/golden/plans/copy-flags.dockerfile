FROM alpine
ARG M=u+x
ADD --chmod=$M --exclude=$M --link --unpack https://example.com/a.tgz /x
ADD --checksum=sha256:1111111111111111111111111111111111111111111111111111111111111111 https://example.com/b /
ADD --keep-git-dir=true https://example.com/c.git#v1:sub /c
COPY --parents --link a/./b /p/
