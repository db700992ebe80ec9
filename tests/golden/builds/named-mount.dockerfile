#: file docs/in/a 644 A
#: named docs docs
FROM base:1
RUN --mount=from=docs,source=in,target=/in --mount=type=cache,id=named,from=docs,target=/c cat /in/a /c/in/a; touch /c/new
