FROM scratch AS one
CMD run it
FROM scratch AS two
SHELL ["/bin/bash", "-c"]
CMD run it
FROM scratch
COPY --from=one / /
COPY --from=two / /
ENTRYPOINT run
