#: file d/a 644 one
FROM base:1
WORKDIR /w
RUN --mount=source=d,target=d,rw echo two >> d/a && cat d/a && touch d/new
RUN --mount=source=d,target=d ls d && cat d/a
