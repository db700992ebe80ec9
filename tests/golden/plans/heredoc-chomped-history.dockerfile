FROM alpine
RUN <<-EOF
	a
		b
	EOF
RUN cat <<-A && cat <<-B
	a
	A
	b
	B
ONBUILD RUN cat <<-A
	c
	A
