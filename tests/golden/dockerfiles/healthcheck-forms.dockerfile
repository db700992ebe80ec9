FROM a
HEALTHCHECK none
HEALTHCHECK --interval=1m30s --timeout=2s --start-period=1h --start-interval=500ms --retries=0 cmd a b
