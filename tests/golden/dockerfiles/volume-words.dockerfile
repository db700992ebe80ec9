FROM a
VOLUME /a /b	/c
