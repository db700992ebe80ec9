#!/usr/bin/env build
# escape=`
FROM a
RUN a `
  b
