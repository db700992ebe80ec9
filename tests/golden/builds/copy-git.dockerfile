FROM scratch
COPY https://example.com/a.git /a
