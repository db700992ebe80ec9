FROM a
COPY <<\E /f
$x
E
