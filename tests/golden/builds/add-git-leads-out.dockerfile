FROM scratch
ADD https://example.com/a.git#main:../.. /a
