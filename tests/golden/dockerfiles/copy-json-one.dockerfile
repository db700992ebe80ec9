FROM a
COPY ["x"]
