# check=error=true
#: arg BUILDKIT_DOCKERFILE_CHECK=skip=all;error=true
FROM scratch
LABEL a b
