FROM a
COPY <<one <<-"two" <<'three' /d/
1
one
	2
	two
$3
three
