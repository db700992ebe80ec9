FROM alpine
RUN <<EOF
echo a
echo b
EOF
RUN <<EOF
#!/bin/awk -f
{ print }
EOF
RUN cat <<EOF > /x
text
EOF
