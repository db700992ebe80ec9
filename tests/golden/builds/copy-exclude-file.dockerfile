#: file x/y/a 644 a
#: file x/y/b 644 b
FROM scratch
COPY --exclude=a x/y/a /file/
COPY --exclude=a x/y /directory/
COPY --exclude=a x/y/* /several/
ADD --exclude=a x/y/a /added/
