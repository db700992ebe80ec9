FROM busybox
RUN <<EOF
echo one
  # a comment of the shell
echo two \
  three
EOF
RUN <<-'END' cat > /x
	a $b
		c
	END
COPY <<one.txt <<"two.txt" plain /dst/
1 $X
one.txt
2 $X
two.txt
RUN cat <<<word
RUN python3 <<EOF > /out
print(1)
EOF
