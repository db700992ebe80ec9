FROM alpine AS a
ENTRYPOINT ["x"]
FROM alpine AS b
CMD ["c"]
ENTRYPOINT x y
FROM a
COPY --from=b / /
CMD d
