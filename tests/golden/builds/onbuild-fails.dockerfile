FROM scratch AS parent
ONBUILD COPY none /x
FROM parent
