FROM busybox
COPY x <<EOF
1
EOF
