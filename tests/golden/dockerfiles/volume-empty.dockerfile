FROM busybox
VOLUME ["", "/x"]
