FROM a
ADD --checksum=sha256:abc --keep-git-dir --unpack=false --link --exclude=a --exclude=b x y
