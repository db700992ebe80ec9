FROM alpine
COPY <<a /a
${HOME:-a\b} ${NO:-\}} \b
a
