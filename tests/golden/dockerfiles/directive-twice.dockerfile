# escape=\
# escape=\
FROM busybox
