FROM busybox
LABEL "com.example.vendor"="ACME Incorporated" version=1.0
LABEL description="multi \
line"
LABEL old two words
