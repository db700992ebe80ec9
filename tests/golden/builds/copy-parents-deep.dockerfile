#: file src/m/a.go 644 a
#: file src/m/a_test.go 644 t
#: file src/m/n/b.go 644 b
#: file src/m/n/readme 644 r
#: file src/empty/readme 644 r
#: file other/c.go 644 c
FROM scratch
COPY --parents --exclude=**/*_test.go src/**/*.go /x/
