#: call check
FROM ${BASE:-scratch} AS x
COPY --chown=${WHO:-0} a /a
RUN --mount=target=${WHERE:-/m} true
EXPOSE $NO
