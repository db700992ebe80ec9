#: file g 644 g
#: file d/f 600 f
#: dir d/sub 700
FROM scratch
COPY --chmod=777 d /app
COPY --chmod=1777 g /new/sticky/
COPY --chmod=2775 d /set
ADD --chmod=4751 g /added/g
COPY --link --chmod=2770 d /linked/in
COPY --chmod=a=rwx g /symbolic/
