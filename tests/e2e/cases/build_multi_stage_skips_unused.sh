cat > Dockerfile <<D
FROM $IMAGE AS maker
RUN echo made > /made
FROM $IMAGE AS unused
RUN exit 1
FROM $IMAGE AS last
COPY --from=maker --chown=app:extra /made /copied
CMD ["ls", "-ln", "/copied"]
D
docker build -t "$N" .
expect_contains "$(docker run --rm "$N")" "1000     2000"
expect_exit 1 docker build --target unused .
docker build --target maker -t "$N-m" . >/dev/null
docker rmi "$N" "$N-m"
