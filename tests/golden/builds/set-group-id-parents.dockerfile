#: file g 644 g
#: file d/f 600 f
#: dir d/sub 700
FROM base:1
RUN mkdir /s && chown 1000:2000 /s && chmod 2775 /s
COPY g /s/x/y/
COPY d /s/copied
COPY --chown=3:4 g /s/owned/
COPY --chmod=700 g /s/moded/
ADD g /s/added/
WORKDIR /s/w/o
USER app
WORKDIR /s/of/app
