docker run --name "$N" "$IMAGE" sh -c 'echo x > /new; rm /etc/group; echo >> /etc/passwd'
got=$(docker diff "$N" | sort | tr '\n' ' ')
expect_eq "$got" "A /new C /etc C /etc/passwd D /etc/group "
docker rm "$N"
