got=$(script -qec "docker run -it --rm $IMAGE sh -c 'tty; stty size'" /dev/null </dev/null | tr -d '\r')
expect_contains "$got" /dev/pts/0
