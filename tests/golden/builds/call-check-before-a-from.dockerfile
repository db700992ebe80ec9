#: call check
FROM --platform=linux/amd64 scratch
ENV OLD form
from --platform=${NOTHING} scratch AS Named
FROM --platform=linux/amd64 scratch
