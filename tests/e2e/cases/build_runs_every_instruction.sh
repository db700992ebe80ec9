mkdir ctx
echo file > ctx/a.txt
cat > ctx/Dockerfile <<D
ARG BASE=$IMAGE
FROM \$BASE
ARG WHO=nobody
ENV GREETING="hello \$WHO" PATH=/opt:\$PATH
LABEL one=1 two="t w o"
WORKDIR /work
COPY a.txt copied/
ADD a.txt /added
RUN echo "\$GREETING" > greeting && test -f copied/a.txt
RUN ["/bin/sh", "-c", "id -u > /uid"]
USER app
EXPOSE 8080/tcp
VOLUME /vol
STOPSIGNAL SIGUSR1
SHELL ["/bin/sh", "-ec"]
ENTRYPOINT ["cat"]
CMD ["/work/greeting"]
D
docker build -t "$N" --build-arg WHO=world ctx
expect_eq "$(docker run --rm "$N")" "hello world"
expect_eq "$(docker image inspect -f '{{.Config.StopSignal}} {{.Config.User}} {{index .Config.Labels "two"}}' "$N")" "SIGUSR1 app t w o"
expect_eq "$(docker image inspect -f '{{json .Config.ExposedPorts}}{{json .Config.Volumes}}' "$N")" '{"8080/tcp":{}}{"/vol":{}}'
expect_contains "$(docker history --no-trunc "$N")" 'ENTRYPOINT ["cat"]'
docker rmi "$N"
