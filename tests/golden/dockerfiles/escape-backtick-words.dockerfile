# escape=`
FROM a
ENV A=C:\dir B="x`"y" C='a`b'
COPY C:\a `
  C:\b\
