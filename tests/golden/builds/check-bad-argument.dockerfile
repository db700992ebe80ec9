# check=error=true
#: arg BUILDKIT_DOCKERFILE_CHECK=foo=1
FROM scratch
LABEL a b
