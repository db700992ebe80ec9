#: file d/a 644 hello
FROM base:1
ARG DIR=d
ENV TO=/in
RUN --mount=source=$DIR,target=${TO}/x cat /in/x/a
