# check=skip=LegacyKeyValueFormat;error=true
FROM scratch
LABEL a b
