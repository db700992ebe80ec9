#: file a\sb 644 a
FROM scratch
COPY ["asb", "/a dir/"]
