#!/bin/sh
printf "Content-Type: text/plain\r\n\r\n"
echo "query $QUERY_STRING"
