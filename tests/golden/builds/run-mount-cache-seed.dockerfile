FROM base:1 AS seed
RUN mkdir /s && echo seeded > /s/f
FROM base:1
RUN --mount=type=cache,id=run-mount-cache-seed,target=/c,from=seed,source=/s cat /c/f && echo more > /c/g
RUN --mount=type=cache,id=run-mount-cache-seed,target=/c,from=seed,source=/s ls /c
