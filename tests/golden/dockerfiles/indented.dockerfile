FROM a
	RUN b
 	 COPY c d
