#: dir d 700
#: file d/run 700 a
#: file d/data 600 b
FROM scratch
COPY --chmod=u=rwX,go=rX d /d
COPY --chmod=a+x d/data /data
COPY --chmod=go-rwx,u+s d/run /p/run
