FROM base:1
RUN --mount=type=ssh test -z "$SSH_AUTH_SOCK"
RUN --mount=type=ssh,required=true true
