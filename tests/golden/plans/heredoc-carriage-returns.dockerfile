FROM alpine
COPY <<a /a
1
2
a
RUN <<-EOF
	echo 1
	EOF
RUN cat <<-EOF
	echo 1
	EOF
