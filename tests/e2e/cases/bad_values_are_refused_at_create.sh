# What could only fail at the start, or be left out in silence, makes no container.
socket=${DOCKER_HOST#unix://}
create() {
  curl -s --unix-socket "$socket" -H 'Content-Type: application/json' -w ' %{http_code}' \
    -d "{\"Image\":\"$IMAGE\",\"Cmd\":[\"true\"],$1}" "http://x/containers/create?name=$N"
}
refuses() {
  local got
  got=$(create "$1")
  expect_contains "$got" "$2"
  expect_contains "$got" " 400"
}
refuses '"HostConfig":{"Memory":"a"}' 'HostConfig.Memory is not a whole number'
refuses '"HostConfig":{"Dns":["notip"]}' 'invalid DNS server'
refuses '"HostConfig":{"ExtraHosts":["x:notip"]}' 'invalid IP address in add-host'
refuses '"HostConfig":{"Sysctls":{"vm.swappiness":"1"}}' 'not in a separate kernel namespace'
refuses '"HostConfig":{"PidMode":"x"}' 'invalid PID mode'
refuses '"HostConfig":{"PidMode":"container:no-such"}' 'No such container'
refuses '"HostConfig":{"NetworkMode":"container:"}' 'invalid container format'
refuses '"Hostname":"h","HostConfig":{"NetworkMode":"container:x"}' 'conflicting options: hostname and the network mode'
refuses '"HostConfig":{"NetworkMode":"container:x","PublishAllPorts":true}' 'port publishing and the container type network mode'
refuses '"Hostname":"h","HostConfig":{"UTSMode":"host"}' 'hostname and the UTS mode'
refuses '"HostConfig":{"NetworkMode":"host"},"NetworkingConfig":{"EndpointsConfig":{"host":{"MacAddress":"02:42:ac:11:00:02"}}}' 'mac-address and the network mode'
refuses '"HostConfig":{"CpusetCpus":"4099"}' 'Requested CPUs are not available'
refuses '"HostConfig":{"CpusetMems":"4099"}' 'Requested memory nodes are not available'
refuses '"HostConfig":{"CpuShares":-1}' 'invalid CPU shares'
refuses '"HostConfig":{"Isolation":"hyperv"}' "invalid isolation (hyperv): linux only supports 'default'"
refuses '"HostConfig":{"Binds":["v:/v"]}' 'volume name is too short, names should be at least two alphanumeric characters'
refuses '"Labels":{"":"x"}' 'empty name'
refuses '"Healthcheck":{"Test":["NONE"],"Timeout":1}' 'less than 1ms'
refuses '"NetworkingConfig":{"EndpointsConfig":{"bridge":{"MacAddress":"zz"}}}' 'invalid MAC address'
refuses '"HostConfig":{"Binds":["/tmp/x\u0000/zzz:/m"]}' 'HostConfig.Binds[0] holds a NUL byte'
refuses '"Env":["A=b\u0000c"]' 'Env[0] holds a NUL byte'
expect_exit 1 docker inspect "$N"
docker create --name "$N" --dns ::1 --cpuset-cpus 0 --sysctl net.ipv4.ip_forward=1 "$IMAGE" true >/dev/null
expect_exit 1 docker update --cpuset-cpus 4099 "$N"
docker rm "$N" >/dev/null
expect_exit 1 docker volume create v
expect_contains "$OUT" 'volume name is too short'
