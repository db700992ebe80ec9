FROM alpine AS one
CMD ["x"]
FROM one
ENTRYPOINT ["y"]
