#: call targets
# lint looks for mistakes
FROM scratch AS lint
FROM scratch
# build makes the program
FROM scratch AS build
