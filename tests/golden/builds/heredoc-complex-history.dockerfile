#: show f
FROM base:1
RUN cat <<A <<-B > /f
one
A
	two
	B
RUN <<'E'
echo quoted $HOME
E
RUN <<-EOT
	echo chomped
	EOT
