FROM busybox
ONBUILD COPY --chown=1 . /app
ONBUILD run make \
   all
ONBUILD COPY <<EOF /x
hello
EOF
