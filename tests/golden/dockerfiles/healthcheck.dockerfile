FROM busybox
HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=5s --start-interval=1s --retries=3 CMD curl -f http://localhost/
HEALTHCHECK CMD ["true"]
HEALTHCHECK NONE
