FROM scratch
# check=skip=LegacyKeyValueFormat
LABEL a b
LABEL c d
