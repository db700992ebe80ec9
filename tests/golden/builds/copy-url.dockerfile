FROM scratch
COPY https://example.com/a.txt /a
