FROM a
COPY <<E /f
	E
 E
E 
E
