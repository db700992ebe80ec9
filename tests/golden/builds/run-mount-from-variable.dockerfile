FROM base:1
ARG S=base:1
RUN --mount=from=$S,target=/x true
