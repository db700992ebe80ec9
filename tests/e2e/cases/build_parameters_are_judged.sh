# What a build could only leave out in silence, or fail with in the middle, is refused by name: by both protocols.
socket=${DOCKER_HOST#unix://}
printf 'FROM %s\nRUN cat /etc/hosts\n' "$IMAGE" >Dockerfile
tar -c Dockerfile >context.tar
post() {
  curl -gs --unix-socket "$socket" -w ' %{http_code}' --data-binary @context.tar -H 'Content-Type: application/x-tar' \
    "http://d/build?nocache=1&$1"
}
refuses() {
  local got version
  for version in 1 2; do
    got=$(post "version=$version&$1")
    expect_contains "$got" "$2"
    expect_contains "$got" " 400"
  done
}
refuses 'extrahosts=zz' 'bad format for add-host: \"zz\"'
refuses 'extrahosts=a:b:c:d' 'invalid IP address in add-host: \"b:c:d\"'
refuses 'outputs={}' 'parameter outputs: outputs is not an array of objects'
refuses 'outputs=[{"Type":"image","Attrs":[]}]' 'outputs[0].Attrs is not an object'
refuses 'labels={"a":1}' 'labels.a is not a string'
refuses 'buildargs={"a":1}' 'buildargs.a is not a string'
refuses 'ulimits=[1]' 'ulimits is not an array of objects'
refuses 'cachefrom=[""]' 'cachefrom[0] has no name'
refuses 'shmsize=abc' 'invalid value for shmsize: \"abc\"'
refuses 'memory=512m' 'invalid value for memory: \"512m\"'
refuses 'isolation=hyperv' 'Unsupported isolation: \"hyperv\"'
refuses 'securityopt=["x=y"]' 'does not support setting security options on build'

# Cgroups that the build made for its steps go with it.
parent=/$N-parent/inner
got=$(post "cgroupparent=$parent&extrahosts=zz:[::1]&extrahosts=yy:host-gateway")
expect_contains "$got" '::1\tzz'
expect_contains "$got" "$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' bridge)"'\tyy'
expect_eq "$(find /sys/fs/cgroup -maxdepth 2 -name "$N-parent")" ""
