FROM scratch
MAINTAINER Somebody
