FROM a
ENV A	b	c
