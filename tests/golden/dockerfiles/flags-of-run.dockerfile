FROM a
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --network=none --security=sandbox make
RUN --mount=type=bind,source=/x make --flag
