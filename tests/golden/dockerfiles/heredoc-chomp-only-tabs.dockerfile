FROM a
COPY <<-E /f
	tab
		two tabs
  blanks
	E
