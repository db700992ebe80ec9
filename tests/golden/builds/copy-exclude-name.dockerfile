#: file home.txt 644 a
#: file home.md 644 b
#: file homework 644 c
#: file homes/x 644 d
FROM scratch
COPY --exclude=*.txt --exclude=homes hom* /x/
